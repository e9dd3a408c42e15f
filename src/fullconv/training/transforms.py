"""Paired random changes of image and label map: scale, crop, flip, colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from fullconv.classes import VOID
from fullconv.data.dataset import Sample
from fullconv.training.pictures import TrainingPicture
from fullconv.training.recipe import Recipe
from fullconv.training.sampling import draw

NOTHING = -1  # the position of a picture that is wholly void
MEAN_COLOUR = 127  # padding that the normalisation turns into about zero, as at prediction

Pair = tuple[tv_tensors.Image, tv_tensors.Mask]


def augmentation(recipe: Recipe) -> Callable[..., Pair]:
    """(image 3xHxW uint8, label map HxW) → both at crop_size, the label map never interpolated.

    crop_size 0 leaves pictures whole, at sizes of their own.
    """
    size = (recipe.crop_size, recipe.crop_size)
    fill = {tv_tensors.Image: MEAN_COLOUR, tv_tensors.Mask: VOID}
    c = recipe.colour
    steps: list[Any] = [RandomScale(recipe.scale, recipe.unscaled), v2.RandomHorizontalFlip(recipe.flip)]
    if recipe.crop_size:
        steps.insert(1, v2.RandomCrop(size, pad_if_needed=True, fill=fill))
    if c:
        jitter = v2.RandomApply([v2.ColorJitter(c, c, c, c / 10)], p=0.8)
        steps.append(PhotosOnly([jitter, v2.RandomGrayscale(p=c / 10)]))
    return v2.Compose(steps)


class PhotosOnly(v2.Compose):
    """Changes of colour, which only 8-bit RGB has; pictures of other channels pass as they are."""

    def forward(self, image: tv_tensors.Image, label_map: tv_tensors.Mask) -> Any:
        is_photo = image.dtype == torch.uint8 and image.shape[-3] == 3
        return super().forward(image, label_map) if is_photo else (image, label_map)


class RandomScale(v2.Transform):
    """Scales both sides by one factor drawn log-uniformly, so that halving is as likely as doubling.

    A share `unscaled` of the pictures is left as it is, not resampled at all.
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
        return v2.functional.resize(inpt, params["size"], antialias=True)  # bilinear; nearest for a Mask


class Epoch(TorchDataset[tuple[Any, ...]]):
    """One pass over the samples, a pure function of (seed, epoch): order and every random change.

    It does not matter which process or worker reads a sample, whether the processor or a GPU changes it, or whether
    the run was interrupted before it.
    """

    augments = True  # False: items are what `change` takes, for whoever has a GPU to do it on

    def __init__(
        self, samples: Sequence[Sample | TrainingPicture], recipe: Recipe, epoch: int, factors: Tensor | None = None
    ) -> None:
        self.samples = samples
        self.augment = augmentation(recipe)
        self.key = (recipe.seed * 100_003 + epoch) * 10_000_019
        factors = torch.ones(len(samples)) if factors is None else factors
        self.order = draw(factors, torch.Generator().manual_seed(self.key))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> tuple[Any, ...]:
        """(image CxSxS of the data's own type, label map SxS int64); at NOTHING, any picture labelled void."""
        image, label_map = self.samples[self.order[max(position, 0)]].read()
        image = image.astype(np.float32) if image.dtype == np.uint16 else image  # which torch can resize
        label_map = np.full_like(label_map, VOID) if position == NOTHING else label_map
        read = torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label_map), position
        return self.change(*read) if self.augments else read

    def change(
        self, image: Tensor, label_map: Tensor, position: int, device: torch.device | str = "cpu"
    ) -> tuple[Tensor, Tensor]:
        """What the random changes of `position` make of a picture, on `device`."""
        pair = tv_tensors.Image(image.to(device)), tv_tensors.Mask(label_map.to(device))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.key + position + 1)
            augmented_image, augmented_labels = self.augment(*pair)
        return augmented_image.as_subclass(Tensor), augmented_labels.as_subclass(Tensor).long()
