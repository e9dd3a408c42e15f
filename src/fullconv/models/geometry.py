"""The position of each output of a layer in the picture, and the part that it sees, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from torch import nn

from fullconv.errors import FullconvError


@dataclass(frozen=True)
class Window:
    """The pixels that position y of a feature map depends on: from stride·y + first to stride·y + last, inclusive.

    Its middle is the coordinate map that alignment needs; its length is the receptive field.
    """

    stride: Fraction
    first: Fraction
    last: Fraction

    @property
    def middle(self) -> Fraction:
        """The pixel, on the axis of the picture, on which position 0 is centred."""
        return (self.first + self.last) / 2

    @property
    def size(self) -> Fraction:
        """The receptive field in pixels."""
        return self.last - self.first + 1

    def then(self, layer: Window) -> Window:
        """Returns what the output of `layer`, applied to this map, sees of the picture."""
        s = self.stride
        return Window(s * layer.stride, s * layer.first + self.first, s * layer.last + self.last)

    def beside(self, other: Window) -> Window:
        """Returns the union of what two maps on the same grid see. Raises FullconvError if their strides differ."""
        if self.stride != other.stride:
            raise FullconvError(f"maps of strides {self.stride} and {other.stride} cannot be joined")
        return Window(self.stride, min(self.first, other.first), max(self.last, other.last))


@runtime_checkable
class Branched(Protocol):
    """A layer of parallel branches, which computes its own window."""

    def window(self) -> Window: ...


PICTURE = Window(Fraction(1), Fraction(0), Fraction(0))


def convolution(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Window:
    """A convolution or a pooling: output y reads inputs stride·y - padding … + dilation·(kernel - 1)."""
    return Window(Fraction(stride), Fraction(-padding), Fraction(dilation * (kernel - 1) - padding))


def deconvolution(kernel: int, stride: int = 1, padding: int = 0) -> Window:
    """A transposed convolution: input x writes outputs stride·x - padding … + (kernel - 1), read backwards."""
    return Window(Fraction(1, stride), Fraction(padding - kernel + 1, stride), Fraction(padding, stride))


def window_of(layer: nn.Module) -> Window:
    """Returns the window of one layer. A layer without a kernel (activation, normalisation, dropout) does not move
    positions.

    A layer of parallel branches gives its own window.
    """
    if isinstance(layer, Branched):
        return layer.window()
    if isinstance(layer, nn.Sequential):
        return through(layer)
    if isinstance(layer, nn.ConvTranspose2d):
        return deconvolution(side(layer.kernel_size), side(layer.stride), side(layer.padding))
    if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
        sides = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        return convolution(*map(side, sides))
    return PICTURE


def through(layers: Iterable[nn.Module], start: Window = PICTURE) -> Window:
    """Returns the window after all `layers` in sequence."""
    for layer in layers:
        start = start.then(window_of(layer))
    return start


def crop_offset(name: str, fine: Window, onto: Window) -> int:
    """Returns the position of `fine` at which the map `onto` of the same stride begins (Caffe's Crop layer).

    Raises FullconvError with the name of the crop if the maps are not a whole number of positions apart.
    """
    offset = (onto.middle - fine.middle) / fine.stride
    if fine.stride != onto.stride or offset.denominator != 1 or offset < 0:
        raise FullconvError(
            f"{name}: cannot be cropped: strides {fine.stride} and {onto.stride}, {float(offset):g} positions apart; "
            "a crop needs equal strides and a whole number, 0 or more"
        )
    return int(offset)


def side(value: int | tuple[int, ...] | str) -> int:
    """Returns the one number of a square kernel, stride or padding."""
    side = value[0] if isinstance(value, tuple) else value
    if isinstance(side, str):
        raise FullconvError(f"padding {side!r} has no fixed geometry; give a number")
    return side
