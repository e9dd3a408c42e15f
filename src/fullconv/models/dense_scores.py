"""Scores finer than the trunk's stride without a decoder, in two ways that give the same numbers (paper section
3.2)."""

from __future__ import annotations

import copy
from itertools import product

import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.errors import FullconvError
from fullconv.models.config import COARSEST
from fullconv.models.fcn import FCN
from fullconv.models.geometry import side
from fullconv.models.layered import LayeredTrunk


def coarse_scores(net: FCN, image: Tensor) -> Tensor:
    """(N, 3, H, W) of 0–255 → the scores of the deepest features (N, classes, h, w), before any decoder."""
    return net.ladders[0].score[COARSEST](net.features(net.normalise(image))[COARSEST])


def dilate(net: FCN, stride: int) -> FCN:
    """Returns a copy of `net` whose `coarse_scores` are `stride` pixels apart: strides beyond it become dilation.

    The paper calls this filter rarefaction; it is also called à trous. Raises FullconvError if the trunk is not a
    sequence of layers, or if its strides do not reach `stride`.
    """
    net = copy.deepcopy(net)
    reached, dilation = 1, 1
    for layer in layered_trunk(net).modules():
        if not isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            continue
        step = side(layer.stride)
        pair = isinstance(layer, nn.Conv2d)
        for name, value in (("dilation", side(layer.dilation) * dilation), ("padding", side(layer.padding) * dilation)):
            setattr(layer, name, (value, value) if pair else value)
        if dilation == 1 and reached * step <= stride:
            reached *= step
        else:
            layer.stride = (1, 1) if pair else 1
            dilation *= step
    if reached != stride:
        raise FullconvError(
            f"stride {stride}: the trunk reaches the strides {reached}, not this one; choose one of them"
        )
    return net


def shift_and_stitch(net: FCN, image: Tensor, factor: int) -> Tensor:
    """Returns scores `factor` times finer (N, classes, f·h, f·w): the `coarse_scores` of factor² shifted pictures,
    interlaced.

    The padding of the first convolution is shifted with the picture. Deeper padding cannot be, so the scores differ
    from those of `dilate` within half a receptive field of the border.
    """
    if factor < 1 or COARSEST % factor:
        raise FullconvError(f"factor {factor}: choose a divisor of {COARSEST}")
    net, canvas = with_padding_outside(net, net.normalise(image))
    step, (height, width) = COARSEST // factor, canvas.shape[-2:]
    room = F.pad(canvas, (0, COARSEST, 0, COARSEST))
    score = net.ladders[0].score[COARSEST]
    stitched: Tensor | None = None
    for down, right in product(range(factor), repeat=2):
        shifted = room[..., down * step : down * step + height, right * step : right * step + width]
        scores = score(net.features(shifted)[COARSEST])
        if stitched is None:
            stitched = scores.new_zeros(*scores.shape[:2], factor * scores.shape[2], factor * scores.shape[3])
        stitched[..., down::factor, right::factor] = scores
    assert stitched is not None
    return stitched


def with_padding_outside(net: FCN, image: Tensor) -> tuple[FCN, Tensor]:
    """(`net` whose first convolution does not pad, the normalised image padded in its place)."""
    net = copy.deepcopy(net)
    first = next(layer for layer in layered_trunk(net).modules() if isinstance(layer, nn.Conv2d))
    padding = side(first.padding)
    first.padding = (0, 0)
    return net, F.pad(image, (padding,) * 4)


def layered_trunk(net: FCN) -> LayeredTrunk:
    trunk = getattr(net, "trunk", None)
    if not isinstance(trunk, LayeredTrunk):
        raise FullconvError("dense scores need one of the paper's trunks (alignment caffe)")
    return trunk
