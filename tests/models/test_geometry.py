"""Windows of layers against what gradients say, and the crops that follow from them against Caffe's."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fullconv.errors import FullconvError
from fullconv.models.geometry import PICTURE, Window, convolution, crop_offset, deconvolution, side, through, window_of

LAYER = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))


def seen(net: nn.Module, size: int, position: int) -> tuple[int, int]:
    """The first and the last pixel, on one axis, that an output position depends on: where its gradient is not zero."""
    picture = torch.ones(1, 1, 1, size, requires_grad=True)
    net(picture)[0, 0, 0, position].backward()
    touched = picture.grad.flatten().nonzero().flatten()
    return int(touched[0]), int(touched[-1])


def row(kernel: int, stride: int, padding: int, dilation: int) -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, (1, kernel), (1, stride), (0, padding), (1, dilation), bias=False)
    nn.init.ones_(layer.weight)
    return layer


@given(st.lists(LAYER, min_size=1, max_size=4), st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_window_is_what_gradients_reach(layers, further):
    window = PICTURE
    for layer in layers:
        window = window.then(convolution(*layer))
    position = int(-window.first // window.stride) + 1 + further  # well inside: padding is no pixel
    size = int(window.stride * position + window.last) + 40
    first, last = seen(nn.Sequential(*(row(*layer) for layer in layers)), size, position)
    assert (first, last) == (window.stride * position + window.first, window.stride * position + window.last)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(4, 20))
@settings(max_examples=40, deadline=None)
def test_a_deconvolution_is_centred_where_its_kernel_is(kernel, stride, position):
    """The pixels that write to output y are the whole numbers between the window's ends."""
    layer = nn.ConvTranspose2d(1, 1, (1, kernel), (1, stride), bias=False)
    nn.init.ones_(layer.weight)
    window = deconvolution(kernel, stride)
    low, high = window.stride * position + window.first, window.stride * position + window.last
    inside = [x for x in range(30) if low <= x <= high]
    if inside:  # a stride beyond the kernel leaves outputs that nothing writes
        assert seen(layer, 30, position) == (inside[0], inside[-1])


def test_through_layers_without_kernels_nothing_moves():
    assert through([nn.ReLU(), nn.BatchNorm2d(3), nn.Sequential(nn.Dropout())]) == PICTURE


def test_a_crop_that_is_not_whole_is_refused_by_name():
    half = Window(Fraction(1), Fraction(1, 2), Fraction(1, 2))
    with pytest.raises(FullconvError, match=r"score_pool4c: cannot be cropped: .* 0\.5 positions apart"):
        crop_offset("score_pool4c", PICTURE, half)
    with pytest.raises(FullconvError, match="strides 1 and 2"):
        crop_offset("score", PICTURE, PICTURE.then(convolution(2, 2)))
    with pytest.raises(FullconvError, match="-1 positions apart"):
        crop_offset("score", PICTURE, Window(Fraction(1), Fraction(-1), Fraction(-1)))


def test_the_window_of_a_deconvolution_by_hand():
    """Position o is made of inputs i with o = 2i - 1 + k, k = 0 … 3."""
    expected = Window(Fraction(1, 2), Fraction(-1), Fraction(1, 2))
    assert deconvolution(4, 2, 1) == expected
    assert window_of(nn.ConvTranspose2d(1, 1, 4, 2, 1)) == expected
    assert window_of(nn.ConvTranspose2d(1, 1, (3, 3))) == deconvolution(3) == Window(*map(Fraction, (1, -2, 0)))
    assert convolution(3) == Window(*map(Fraction, (1, 0, 2)))


def test_a_crop_may_begin_at_the_first_position_and_not_before():
    fine = Window(*map(Fraction, (2, 0, 4)))
    assert crop_offset("c", fine, fine) == 0
    assert crop_offset("c", fine, Window(*map(Fraction, (2, 2, 6)))) == 1
    with pytest.raises(
        FullconvError, match=r"c: cannot be cropped: .*, -1 positions apart; a crop needs equal strides"
    ):
        crop_offset("c", fine, Window(*map(Fraction, (2, -2, 2))))


def test_a_padding_by_name_is_refused():
    with pytest.raises(FullconvError, match="padding 'same' has no fixed geometry; give a number"):
        side("same")
