"""Outlines that fill to the region they came from, pixel for pixel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.data.polygons import fill
from fullconv.outputs.regions import regions

LABEL_MAPS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255]))


def filled(region, shape):
    """Independent of the tracing: the even-odd rule over the outline and the holes."""
    mask = np.zeros(shape, bool)
    for ring in (region.outline, *region.holes):
        mask ^= fill(ring.corners().tolist(), *shape)
    return mask


@given(LABEL_MAPS)
@settings(max_examples=200, deadline=None)
def test_regions_cover_every_pixel_once_with_their_value(label_map):
    covered = np.zeros(label_map.shape, int)
    for region in regions(label_map):
        mask = filled(region, label_map.shape)
        covered += mask
        assert (label_map[mask] == region.value).all()
        assert mask.sum() == region.area
    assert (covered == 1).all()


@given(LABEL_MAPS)
@settings(max_examples=100, deadline=None)
def test_as_many_regions_as_scipy_counts(label_map):
    from scipy import ndimage

    found = regions(label_map)
    for value in np.unique(label_map):
        assert sum(region.value == value for region in found) == ndimage.label(label_map == value)[1]


def test_a_hole_within_a_hole():
    label_map = np.zeros((7, 7), np.uint8)
    label_map[1:6, 1:6] = 1
    label_map[2:5, 2:5] = 0
    label_map[3, 3] = 1
    outer, ring, inner, dot = regions(label_map)
    assert [(r.value, r.area, len(r.holes)) for r in (outer, ring, inner, dot)] == [
        (0, 24, 1), (1, 16, 1), (0, 8, 1), (1, 1, 0),
    ]  # fmt: skip
    assert outer.outline.corners().tolist() == [[7, 0], [7, 7], [0, 7], [0, 0]]
    assert dot.outline.corners().tolist() == [[4, 3], [4, 4], [3, 4], [3, 3]]


def test_pixels_that_touch_at_a_corner_stay_apart():
    assert [region.area for region in regions(np.eye(2, dtype=np.uint8))] == [1, 1, 1, 1]


def test_two_holes_that_touch_at_a_corner_are_two():
    label_map = np.zeros((4, 4), np.uint8)
    label_map[1, 1] = label_map[2, 2] = 1
    first = regions(label_map)[0]
    assert (first.area, [hole.area for hole in first.holes]) == (14, [-1, -1])


@given(LABEL_MAPS)
@settings(max_examples=200, deadline=None)
def test_no_ring_meets_itself(label_map):
    """What makes a polygon valid: rings of one region share corners at most with each other."""
    for region in regions(label_map):
        assert region.outline.area > 0
        for ring in (region.outline, *region.holes):
            corners = [tuple(corner) for corner in ring.corners().tolist()]
            assert len(set(corners)) == len(corners)
        assert all(hole.area < 0 for hole in region.holes)
