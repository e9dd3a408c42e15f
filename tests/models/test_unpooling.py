"""Pooling that remembers, and its inverse, against NumPy loops and against torch."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.models.unpooling import pool, unpool


def pooled_and_unpooled(plane: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(maxima of each 2x2 window, `values` put where they were): the first of equal ones, row by row."""
    maxima, back = np.zeros_like(values), np.zeros_like(plane)
    for y, x in np.ndindex(values.shape):
        window = plane[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        maxima[y, x] = window.max()
        row, column = divmod(int(window.argmax()), 2)
        back[2 * y + row, 2 * x + column] = values[y, x]
    return maxima, back


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_against_loops(height, width, seed):
    rng = np.random.default_rng(seed)
    plane = rng.integers(0, 4, (2 * height, 2 * width)).astype(np.float32)  # few values: many ties
    values = rng.standard_normal((height, width)).astype(np.float32)
    maxima, taken = pool(torch.from_numpy(plane)[None, None])
    back = unpool(torch.from_numpy(values)[None, None], taken)
    expected = pooled_and_unpooled(plane, values)
    np.testing.assert_array_equal(maxima[0, 0].numpy(), expected[0])
    np.testing.assert_array_equal(back[0, 0].numpy(), expected[1])


def test_against_torchs_own_pair_gradients_too():
    x = torch.randn(2, 5, 8, 6, requires_grad=True)
    ours = unpool(*pool(x))
    theirs = F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)
