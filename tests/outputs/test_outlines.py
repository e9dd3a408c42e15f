"""Outlines for tools of annotation: painted again they give the label map; smoothed ones nearly, with fewer points."""

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageDraw

from fullconv.outputs.outlines import cut_outlines, strips, touches_border, whole_outlines, without_specks
from fullconv.outputs.regions import regions
from tests.outputs.results import VOID, label_maps

shapely = pytest.importorskip("shapely", "2.1")
FINE = 8  # points of a raster a pixel, so that polygons through pixel corners can be painted


def painted(outlines, shape):
    """By Pillow, on a finer raster: what has its centre inside."""
    canvas = Image.new("L", (shape[1] * FINE, shape[0] * FINE))
    for outline in outlines:
        points = [(FINE * x - 0.5, FINE * y - 0.5) for x, y in outline.points]
        ImageDraw.Draw(canvas).polygon(points, fill=outline.value, outline=None)
    return np.array(canvas)[FINE // 2 :: FINE, FINE // 2 :: FINE]


def ring():
    """A ring of 1 in which an island of 2 lies in a lake of 0."""
    y, x = np.mgrid[:60, :80]
    distance = np.hypot(y - 30, x - 40)
    return np.select([distance < 6, distance < 12, distance < 25], [2, 0, 1]).astype(np.uint8)


@given(label_maps((0, 1, 2, VOID), side=12))
@settings(max_examples=150, deadline=None)
def test_pieces_have_no_holes_and_are_the_regions(label_map):
    assert not any(region.holes for region in regions(strips(label_map)))
    pieces = [(outline.value, shapely.Polygon(outline.points)) for outline in cut_outlines(label_map, 0)]
    for value in np.unique(label_map):
        assert sum(shape.area for of, shape in pieces if of == value) == (label_map == value).sum()


@pytest.mark.parametrize("outlines_of", [whole_outlines, cut_outlines])
def test_painted_in_their_order_they_are_the_label_map(outlines_of):
    assert (painted(outlines_of(ring(), 0), ring().shape) == ring()).all()


@pytest.mark.parametrize("outlines_of", [whole_outlines, cut_outlines])
def test_smoothed_ones_have_few_points_and_nearly_the_same_pixels(outlines_of):
    exact, smooth = list(outlines_of(ring(), 0)), list(outlines_of(ring(), 2))
    points = [sum(len(outline.points) for outline in found) for found in (exact, smooth)]
    assert points[1] < points[0] / 3
    assert (painted(smooth, ring().shape) == ring()).mean() > 0.97


def test_specks_take_the_value_around_them():
    label_map = ring()
    label_map[2, 3], label_map[0, 0], label_map[30, 40] = 2, 1, 1
    cleaned = without_specks(label_map, 4)
    assert (cleaned[0, 1:] == ring()[0, 1:]).all()
    assert (cleaned[1:] == ring()[1:]).all()


def test_regions_at_the_border_are_recognised():
    ground, circle = list(whole_outlines(ring(), 1))[:2]
    assert (touches_border(ground, ring().shape), touches_border(circle, ring().shape)) == (True, False)
