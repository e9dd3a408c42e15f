"""Simplified polygons against shapely: no gaps, no overlaps, nothing moved along the cuts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.georeference import Georeference
from fullconv.outputs import mosaic as mosaics
from fullconv.outputs.mosaic import Mosaic
from fullconv.outputs.vectors import polygons
from tests.outputs.results import CLASSES, VOID, label_maps

shapely = pytest.importorskip("shapely", "2.1")
GROUND = Georeference("", (2.0, 0.0, 100.0, 0.0, -2.0, 500.0))


def made(label_map, simplify, georeference=None):
    label_map = np.array(label_map, np.uint8)
    return list(
        polygons(Mosaic(label_map.shape, CLASSES, georeference, label_map.__getitem__, lambda part: None, simplify))
    )


@given(label_maps((0, 1, 2, VOID), side=14), st.sampled_from([0, 1.0, 3.0]))
@settings(max_examples=150, deadline=None)
def test_neighbours_share_their_borders(label_map, simplify):
    found = made(label_map, simplify)
    shapes = [polygon.shape for polygon in found]
    assert all(shape.is_valid for shape in shapes)
    assert shapely.coverage_is_valid(shapes)
    assert sum(polygon.pixels for polygon in found) == (label_map != VOID).sum()
    if not (label_map == VOID).any():
        height, width = label_map.shape
        assert shapely.union_all(shapes).equals(shapely.box(0, 0, width, height))
    if simplify == 0:
        assert [shape.area for shape in shapes] == [polygon.pixels for polygon in found]


def test_only_the_classes_asked_for_have_polygons():
    label_map = np.repeat(np.array([0, 1, 2, VOID], np.uint8), 4)[None].repeat(4, 0)

    def indices(*asked):
        mosaic = Mosaic((4, 16), CLASSES, None, label_map.__getitem__, lambda part: None, asked=asked)
        return [polygon.index for polygon in polygons(mosaic)]

    assert indices() == [0, 1, 2]
    assert indices(CLASSES.names[2]) == [2]


def test_a_staircase_becomes_a_slope():
    label_map = np.tri(40, dtype=np.uint8)
    exact, smooth = (sum(len(p.shape.exterior.coords) for p in made(label_map, s)) for s in (0, 1.0))
    assert smooth < exact / 5
    for polygon in made(label_map, 1.0):
        assert polygon.shape.area == pytest.approx(polygon.pixels, rel=0.05)


@pytest.mark.parametrize("simplify", [0, 2.0])
def test_pieces_meet_along_the_cuts(monkeypatch, simplify):
    monkeypatch.setattr(mosaics, "BLOCK", 16)
    label_map = np.random.default_rng(0).integers(0, 3, (45, 37)).repeat(3, 0).repeat(3, 1)[:45, :37]
    shapes = [polygon.shape for polygon in made(label_map, simplify)]
    assert shapely.union_all(shapes).equals(shapely.box(0, 0, 37, 45))
    assert sum(shape.area for shape in shapes) == pytest.approx(45 * 37)
    for shape in shapes:  # none reaches over a cut
        (left, top, right, bottom) = shape.bounds
        assert left // 16 == (right - 1e-9) // 16
        assert top // 16 == (bottom - 1e-9) // 16


def test_coordinates_are_those_of_the_ground():
    (polygon,) = made([[1, 1, 1]], 1.0, GROUND)
    assert polygon.shape.bounds == (100, 498, 106, 500)
    assert polygon.shape.normalize().equals(shapely.box(100, 498, 106, 500))
