"""Random changes to the look of a photo, without moving anything: colours, sharpness, noise, JPEG artefacts."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from fullconv.training.recipe import Recipe

SIGMA = (0.3, 1.5)  # of a blur, in pixels
KERNEL = 9  # pixels; covers the widest blur
SHARPNESS = 1.0  # largest multiple that is added of what a blur removes
NOISE = 10.0  # largest standard deviation, in levels of 255
QUALITY = (40, 96)  # of JPEG, upper end excluded


def appearance(recipe: Recipe) -> list[Any]:
    """Returns the changes that the recipe requests, in the order in which they happen to a photo."""
    c = recipe.colour
    jitter = v2.RandomApply([v2.ColorJitter(c, c, c, c / 10)], p=0.8)
    changes = [
        (c, [jitter, v2.RandomGrayscale(p=c / 10)]),
        (recipe.sharpness, [v2.RandomApply([RandomSharpness()], p=recipe.sharpness)]),
        (recipe.noise, [v2.RandomApply([RandomNoise()], p=recipe.noise)]),
        (recipe.jpeg, [v2.RandomApply([RandomJPEG()], p=recipe.jpeg)]),
    ]
    return [step for asked, steps in changes if asked for step in steps]


class RandomSharpness(v2.Transform):
    """Blurs two in three pictures, and sharpens the others by what such a blur removes."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        sigma = float(torch.empty(()).uniform_(*SIGMA))
        is_blurred = torch.rand(()) < 2 / 3
        return {"sigma": sigma, "amount": 1.0 if is_blurred else -float(torch.rand(())) * SHARPNESS}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        image = inpt.as_subclass(Tensor).float()
        blurred = v2.functional.gaussian_blur(image, [KERNEL, KERNEL], [params["sigma"]])
        return _as_photo(image + params["amount"] * (blurred - image), inpt)


class RandomNoise(v2.Transform):
    """Gaussian noise of a different strength for each picture."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"level": float(torch.rand(())) * NOISE, "seed": int(torch.randint(2**31, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        noise = torch.randn(inpt.shape, generator=torch.Generator().manual_seed(params["seed"])).to(inpt.device)
        return _as_photo(inpt.as_subclass(Tensor) + params["level"] * noise, inpt)


class RandomJPEG(v2.Transform):
    """Compresses as JPEG with a random quality for each picture. Runs on the processor, even if the picture is on a
    GPU."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"quality": int(torch.randint(*QUALITY, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        file = BytesIO()
        Image.fromarray(inpt.permute(1, 2, 0).cpu().numpy()).save(file, "JPEG", quality=params["quality"])
        read = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
        return tv_tensors.wrap(read.to(inpt.device), like=inpt)


def _as_photo(values: Tensor, like: tv_tensors.Image) -> tv_tensors.Image:
    photo: tv_tensors.Image = tv_tensors.wrap(values.clamp(0, 255).round().to(like.dtype), like=like)
    return photo
