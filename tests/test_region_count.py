"""Counted strip by strip: the same as the regions themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.outputs.regions import regions
from fullconv.region_count import count_regions


def counted(label_map):
    return np.bincount([region.value for region in regions(label_map)], minlength=256).tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 24), st.integers(1, 24), st.integers(1, 7), st.integers(2, 4))
def test_any_label_map_in_strips_of_any_height(seed, height, width, step, values):
    label_map = np.random.default_rng(seed).integers(0, values, (height, width)).astype(np.uint8)
    strips = [label_map[top : top + step] for top in range(0, height, step)]
    assert count_regions(strips).tolist() == counted(label_map)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_arms_that_meet_at_the_bottom_are_one(step):
    """A comb, a ring and a spiral: what was apart above may hang together below."""
    comb = np.zeros((9, 11), np.uint8)
    comb[:, ::2] = comb[-1] = 1
    spiral = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 0, 1, 0, 1], [1, 0, 1, 1, 1], [1, 0, 0, 0, 0]], np.uint8)
    for shape in (comb, spiral, spiral[::-1].copy()):
        strips = [shape[top : top + step] for top in range(0, len(shape), step)]
        assert count_regions(strips).tolist() == counted(shape)


def test_corners_do_not_connect():
    assert count_regions([np.eye(4, dtype=np.uint8)])[:2].tolist() == [2, 4]
