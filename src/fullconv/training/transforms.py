"""Random changes of image and label map together: scale, crop and flip, and then the look of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from fullconv.classes import VOID
from fullconv.training.appearance import appearance
from fullconv.training.crops import RandomCrop
from fullconv.training.recipe import Recipe

MEAN_COLOUR = 127  # normalisation turns this padding into about zero, as in prediction

BEND, SMOOTH = 100.0, 10.0  # of elastic changes: points move by about three pixels, and neighbours alike

Placed = tuple[tv_tensors.Image, tv_tensors.Mask, tv_tensors.KeyPoints]


def augmentation(recipe: Recipe) -> Callable[..., Placed]:
    """(image 3xHxW uint8, label map HxW, points) → all at crop_size. The label map is never interpolated; the points
    follow the pixels of the picture.

    With crop_size 0, pictures stay whole, each at its own size.
    """
    fill = {tv_tensors.Image: MEAN_COLOUR, tv_tensors.Mask: VOID}
    steps: list[Any] = [RandomScale(recipe.scale, recipe.unscaled), RandomFlip(recipe.flip), RandomTurn(recipe.turn)]
    if recipe.crop_size:
        steps.insert(1, RandomCrop(recipe.crop_size, fill, recipe.focused))
    if recipe.elastic:
        steps.append(v2.RandomApply([Elastic(BEND, SMOOTH, fill=fill)], recipe.elastic))
    if changes := appearance(recipe):
        steps.append(PhotosOnly(changes))
    return v2.Compose(steps)


class PhotosOnly(v2.Compose):
    """Applies changes of colour and sharpness to 8-bit RGB. Pictures with other channels pass unchanged."""

    def forward(self, image: tv_tensors.Image, *others: Any) -> Any:
        is_photo = image.dtype == torch.uint8 and image.shape[-3] == 3
        return super().forward(image, *others) if is_photo else (image, *others)


class RandomFlip(v2.RandomHorizontalFlip):
    """torchvision's flip, except for points: it treats them as centres of pixels, but here they lie between pixels."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.KeyPoints):
            return super().transform(inpt, params)
        mirrored = torch.stack([inpt.canvas_size[1] - inpt[:, 0], inpt[:, 1].as_subclass(Tensor)], 1)
        return tv_tensors.wrap(mirrored, like=inpt)


class RandomTurn(v2.Transform):
    """Turns a share of the pictures by 90, 180 or 270 degrees. No pixel is resampled."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        turns = int(torch.randint(1, 4, ())) if self.share and torch.rand(()) < self.share else 0
        return {"turns": turns}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for _ in range(params["turns"]):
            inpt = quarter_turn(inpt)
        return inpt


def quarter_turn(inpt: Any) -> Any:
    """Turns a picture, a label map or points by 90 degrees to the left."""
    if not isinstance(inpt, tv_tensors.KeyPoints):
        return tv_tensors.wrap(torch.rot90(inpt.as_subclass(Tensor), 1, (-2, -1)), like=inpt)
    height, width = inpt.canvas_size
    turned = torch.stack([inpt[:, 1], width - inpt[:, 0]], 1).as_subclass(Tensor)
    return tv_tensors.wrap(turned, like=inpt, canvas_size=(width, height))


class Elastic(v2.ElasticTransform):
    """torchvision's, except for points, which say where the whole picture lies."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt if isinstance(inpt, tv_tensors.KeyPoints) else super().transform(inpt, params)


class RandomScale(v2.Transform):
    """Scales both sides by one factor, drawn log-uniformly so that halving is as likely as doubling.

    A share `unscaled` of the pictures is not resampled at all.
    """

    def __init__(self, factors: tuple[float, float], unscaled: float = 0.0) -> None:
        super().__init__()
        self.unscaled = unscaled
        self.low, self.high = torch.tensor(factors).log().tolist()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = v2.functional.get_size(flat_inputs[0])
        factor = float(torch.empty(()).uniform_(self.low, self.high).exp())
        if torch.rand(()) < self.unscaled:
            factor = 1.0
        return {"size": [max(1, round(height * factor)), max(1, round(width * factor))]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if list(v2.functional.get_size(inpt)) == params["size"]:
            return inpt
        return v2.functional.resize(inpt, params["size"], antialias=True)  # bilinear, or nearest for a Mask


def change(augment: Callable[..., Placed], image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns (image, label map, new positions of the picture's top left, top right and bottom left corners)."""
    placed = augment(tv_tensors.Image(image), tv_tensors.Mask(labels), corners_of(image))
    new_image, new_labels, corners = (tensor.as_subclass(Tensor) for tensor in placed)
    return new_image, new_labels, corners


def corners_of(image: Tensor) -> tv_tensors.KeyPoints:
    """(3, 2): top left, top right and bottom left of an image (C, H, W), as (x, y) in pixels."""
    height, width = image.shape[-2:]
    return tv_tensors.KeyPoints([[0.0, 0.0], [width, 0.0], [0.0, height]], canvas_size=(height, width))
