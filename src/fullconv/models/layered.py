"""A trunk that is a plain sequence of layers, like the paper's classifiers, with features taken from some of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.models.geometry import PICTURE, Window, side, through


class LayeredTrunk(nn.Sequential):
    """image (N, C, H, W) → {stride: features}; `taps` names the layer that gives the features of each stride.

    `windows` is what each of them sees of the picture; the crops of alignment `caffe` follow from it.
    """

    def __init__(self, layers: Mapping[str, nn.Module], taps: Mapping[int, str], channels: Mapping[int, int]) -> None:
        super().__init__(OrderedDict(layers))
        self.taps = {name: stride for stride, name in taps.items()}
        self.channels = dict(channels)

    @property
    def windows(self) -> dict[int, Window]:
        """{stride: what position y of its features sees of the picture}"""
        found, window = {}, PICTURE
        for name, layer in self.named_children():
            window = through([layer], window)
            if name in self.taps:
                found[self.taps[name]] = window
        return found

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        features, x = {}, image
        for name, layer in self.named_children():
            x = layer(x)
            if name in self.taps:
                features[self.taps[name]] = x
        return features

    def tapped_at(self, strides: tuple[int, ...]) -> LayeredTrunk:
        """Returns the same trunk with the features of `strides` only."""
        self.taps = {name: stride for name, stride in self.taps.items() if stride in strides}
        return self


class CeilPool(nn.MaxPool2d):
    """Caffe's max pooling, in which a last window that is only partly inside counts.

    With overlapping windows, a graph exporter cannot tell from a symbolic size whether the last one begins inside. It
    is therefore padded below and to the right with a value that is never the maximum, so that the size is a plain
    quotient.
    """

    def __init__(self, kernel: int, stride: int, padding: int = 0) -> None:
        super().__init__(kernel, stride, padding, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        more = side(self.stride) - 1
        if torch.compiler.is_exporting() and side(self.kernel_size) - 1 > more > 0:
            padded = F.pad(x, (0, more, 0, more), value=-torch.inf)
            return F.max_pool2d(padded, self.kernel_size, self.stride, self.padding, self.dilation)
        return super().forward(x)
