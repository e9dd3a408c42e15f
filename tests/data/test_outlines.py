"""Polygons and run lengths → pixels, against slow and obvious ways of doing the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fullconv.data.coco_masks import region
from fullconv.data.polygons import fill
from fullconv.data.rle import decode, unpack
from fullconv.errors import FullconvError
from tests.data.trees import runs

corners = st.lists(st.tuples(st.floats(-5, 15, width=16), st.floats(-5, 15, width=16)), min_size=3, max_size=8)


def inside(points, x, y):
    """Whether a ray to the right crosses the outline an odd number of times (Shimrat 1962)."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        if (y0 <= y) != (y1 <= y):
            crossings += x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x
    return crossings % 2 == 1


@given(points=corners)
@settings(deadline=None)
def test_a_pixel_belongs_to_the_outline_that_contains_its_centre(points):
    filled = fill(points, 9, 10)
    for row, column in np.ndindex(filled.shape):
        x, y = column + 0.5, row + 0.5
        edges = zip(points, points[1:] + points[:1], strict=True)
        if not any(abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 1e-6 for (x0, y0), (x1, y1) in edges):
            assert filled[row, column] == inside(points, x, y)


@given(x=st.integers(0, 6), y=st.integers(0, 6), width=st.integers(0, 6), height=st.integers(0, 6))
def test_a_box_has_its_area(x, y, width, height):
    box = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    filled = fill(box, 12, 12)
    assert filled.sum() == width * height
    assert filled[y : y + height, x : x + width].all()


@given(points=corners)
def test_neither_start_nor_direction_matters(points):
    filled = fill(points, 9, 10)
    assert (fill(points[::-1], 9, 10) == filled).all()
    assert (fill(points[2:] + points[:2], 9, 10) == filled).all()


masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=70))


def pack(counts):
    """COCO's string for run lengths, written from the format's description."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits, value = value & 0x1F, value >> 5
            last = value == (-1 if bits & 0x10 else 0)
            text += chr(48 + (bits if last else bits | 0x20))
            if last:
                break
    return text


@given(mask=masks)
def test_runs_decode_to_what_they_were_made_from(mask):
    assert (decode(runs(mask), *mask.shape) == mask).all()
    assert (decode(pack(runs(mask)), *mask.shape) == mask).all()


@given(counts=st.lists(st.integers(0, 10**6), min_size=1))
def test_the_string_holds_the_same_numbers(counts):
    assert unpack(pack(counts)).tolist() == counts


@given(mask=masks)
@settings(max_examples=20)
def test_cocos_own_code_agrees(mask):
    coco = pytest.importorskip("pycocotools.mask")
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert pack(runs(mask)) == encoded
    assert (decode(encoded, *mask.shape) == mask).all()


def test_cocos_own_polygons_are_nearly_ours():
    """COCO draws on a grid five times finer and takes its own corners for pixels; some edge pixels differ."""
    coco = pytest.importorskip("pycocotools.mask")
    rng, turn = np.random.default_rng(0), np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for _ in range(20):
        radius = rng.uniform(20, 60) * rng.uniform(0.8, 1.2, 40)
        blob = np.stack([80 + radius * np.cos(turn), 70 + radius * np.sin(turn)], 1)
        theirs = coco.decode(coco.frPyObjects([blob.ravel().tolist()], 150, 160))[..., 0] > 0
        ours = fill(blob.tolist(), 150, 160)
        assert (theirs != ours).sum() < 0.01 * (theirs | ours).sum()


def test_runs_of_the_wrong_length_are_an_error():
    with pytest.raises(FullconvError, match="run lengths of 5 pixels for a picture of 3x2"):
        decode([2, 3], 2, 3)


def test_polygons_of_one_thing_are_joined():
    joined = region([[0, 0, 2, 0, 2, 2, 0, 2], [1, 1, 3, 1, 3, 3, 1, 3]], 4, 4)
    assert joined.sum() == 7


def test_a_corner_of_hundreds_of_digits_is_refused():
    with pytest.raises(FullconvError, match="far outside"):
        fill([[0, 0], [int("9" * 400), 0], [0, 5]], 10, 10)
