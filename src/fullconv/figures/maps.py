"""Computes the maps of modules on a photo, and how the scores depend on its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fullconv.models.geometry import Window
from fullconv.models.tracing import Step

Image = NDArray[np.uint8]
Values = NDArray[np.float32]


def as_batch(image: Image) -> Tensor:
    """(H, W, 3) uint8 → (1, 3, H, W) float32 of 0–255."""
    return torch.tensor(image).permute(2, 0, 1)[None].float()


def maps_of(network: nn.Module, image: Image, modules: Sequence[str]) -> tuple[dict[str, Values], Values]:
    """({module: its map (C, h, w)}, scores (classes, H, W)) of one photo."""
    kept: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        kept[name] = output[0].clone()  # the next activation may work in place

    with torch.inference_mode(), ExitStack() as hooks:
        for name in modules:
            hook = network.get_submodule(name).register_forward_hook(
                lambda _, __, output, name=name: keep(name, output)
            )
            hooks.callback(hook.remove)
        scores = network(as_batch(image))[0]
    return {name: kept[name].numpy() for name in modules}, scores.numpy()


def within_photo(values: Values, step: Step, height: int, width: int) -> Values:
    """Returns the part of a map (C, h, w) with positions centred on the photo rather than on the padding."""
    return values[:, _positions(step.rows, step.whole, height), _positions(step.columns, step.whole, width)]


def _positions(window: Window, whole: bool, length: int) -> slice:
    # windows over the whole picture have no centre of their own
    middle = (window.stride - 1) / 2 if whole else window.middle
    first = math.ceil((Fraction(-1, 2) - middle) / window.stride)
    last = math.floor((length - Fraction(1, 2) - middle) / window.stride)
    return slice(max(0, first), max(0, first, last) + 1)


def influence(network: nn.Module, image: Image, row: int, column: int) -> Values:
    """(H, W): how much each pixel changes the scores at (row, column), absolute, averaged over classes and channels."""
    batch = as_batch(image).requires_grad_()
    scores = network(batch)[0, :, row, column]
    total = np.zeros(image.shape[:2], np.float32)
    for index, score in enumerate(scores):
        more = index + 1 < len(scores)
        (gradient,) = torch.autograd.grad(score, batch, retain_graph=more)
        total += gradient[0].abs().mean(0).numpy()
    return total / np.float32(len(scores))
