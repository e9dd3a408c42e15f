"""Random changes of how a photo looks, where nothing moves: colours, sharpness, noise, the traces of a JPEG."""

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

SIGMA = (0.3, 1.5)  # pixels, of a blur
KERNEL = 9  # pixels: as wide as the widest blur is seen
SHARPNESS = 1.0  # the most of what a blur takes away that is added
NOISE = 10.0  # levels of 255, the standard deviation at most
QUALITY = (40, 96)  # of JPEG, the upper end left out


def appearance(recipe: Recipe) -> list[Any]:
    """What the recipe asks for, in the order in which it happens to a photo; each a share of the pictures."""
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
    """Two in three are blurred, the others sharpened by what such a blur takes away."""

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
    """Gaussian, of a strength of its own for each picture."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"level": float(torch.rand(())) * NOISE, "seed": int(torch.randint(2**31, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        noise = torch.randn(inpt.shape, generator=torch.Generator().manual_seed(params["seed"])).to(inpt.device)
        return _as_photo(inpt.as_subclass(Tensor) + params["level"] * noise, inpt)


class RandomJPEG(v2.Transform):
    """What is left after a JPEG of a quality drawn anew for each picture; on the processor, also for a GPU."""

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
