"""GoogLeNet (arXiv 1409.4842) up to inception_5b, without the final average pooling (paper section 4.1)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn

from fullconv.models.geometry import Window, through
from fullconv.models.layered import CeilPool, LayeredTrunk

# Channels of the branches: 1x1 · 3x3_reduce, 3x3 · 5x5_reduce, 5x5 · pool_proj.
BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
TAPS = {4: "pool1", 8: "inception_3b", 16: "inception_4e", 32: "inception_5b"}
CHANNELS = {4: 64, 8: 480, 16: 832, 32: 1024}


def googlenet(channels: int = 3, padding: int = 100) -> LayeredTrunk:
    """Caffe's bvlc_googlenet. A "/" in Caffe's layer names is a level of modules here."""
    return _googlenet(channels, padding, fives=5, last_pool=3, norm=lrn)


def googlenet_torchvision(channels: int = 3, padding: int = 100) -> LayeredTrunk:
    """torchvision's form: 3x3 kernels in the branches called 5x5, no LRN, batch normalisation folded into the
    kernels."""
    return _googlenet(channels, padding, fives=3, last_pool=2, norm=nn.Identity)


def lrn() -> nn.Module:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


class RectifiedConv2d(nn.Conv2d):
    """A convolution and its ReLU, so that the parameters keep the layer's plain name."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


class Inception(nn.Module):
    """Four parallel branches. The names of the parameters are Caffe's: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5,
    pool_proj."""

    def __init__(self, channels: int, widths: tuple[int, ...], fives: int) -> None:
        super().__init__()
        one, three_in, three, five_in, five, proj = widths
        self.add_module("1x1", RectifiedConv2d(channels, one, 1))
        self.add_module("3x3_reduce", RectifiedConv2d(channels, three_in, 1))
        self.add_module("3x3", RectifiedConv2d(three_in, three, 3, padding=1))
        self.add_module("5x5_reduce", RectifiedConv2d(channels, five_in, 1))
        self.add_module("5x5", RectifiedConv2d(five_in, five, fives, padding=fives // 2))
        self.add_module("pool", CeilPool(3, 1, 1))
        self.add_module("pool_proj", RectifiedConv2d(channels, proj, 1))

    def branches(self) -> list[list[nn.Module]]:
        names = (("1x1",), ("3x3_reduce", "3x3"), ("5x5_reduce", "5x5"), ("pool", "pool_proj"))
        return [[self.get_submodule(name) for name in branch] for branch in names]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, the sum of the branches' channels, H, W)."""
        return torch.cat([reduce(lambda y, layer: layer(y), branch, x) for branch in self.branches()], 1)

    def window(self) -> Window:
        return reduce(Window.beside, map(through, self.branches()))


def _googlenet(channels: int, padding: int, fives: int, last_pool: int, norm: Callable[[], nn.Module]) -> LayeredTrunk:
    layers: dict[str, nn.Module] = {
        "conv1": _named({"7x7_s2": RectifiedConv2d(channels, 64, 7, stride=2, padding=padding)}),
        "pool1": _named({"3x3_s2": CeilPool(3, 2), "norm1": norm()}),
        "conv2": _named({"3x3_reduce": RectifiedConv2d(64, 64, 1), "3x3": RectifiedConv2d(64, 192, 3, padding=1)}),
        "norm2": norm(),
        "pool2": CeilPool(3, 2),
    }
    inside = 192
    for name, widths in BLOCKS.items():
        layers[f"inception_{name}"] = Inception(inside, widths, fives)
        inside = widths[0] + widths[2] + widths[4] + widths[5]
        if name in ("3b", "4e"):
            layers[f"pool{name[0]}"] = CeilPool(3 if name == "3b" else last_pool, 2)
    return LayeredTrunk(layers, TAPS, CHANNELS)


def _named(layers: dict[str, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))
