"""Polygons of photos with few points: shapely is the referee, and labelme's and COCO's readers give the masks back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from fullconv.outputs.writers import files_of
from tests.outputs.results import CLASSES, VOID, label_maps, result_of

shapely = pytest.importorskip("shapely", "2.1")
POLYGONS = ("polygons", "coco-polygons", "labelme")


def written(label_map, folder, output, simplify):
    result = result_of(label_map, source=folder / "photo.png")
    ((ending, fill),) = files_of(result, folder / "photo", [output], simplify=simplify).items()
    fill(folder / f"photo{ending}")
    return json.loads((folder / f"photo{ending}").read_text())


def two_hills():
    """Slopes with steps all along, and a hole in one of them."""
    y, x = np.mgrid[:60, :80]
    label_map = (x + 2 * y < 90).astype(np.uint8) + 2 * (x - y > 40).astype(np.uint8)
    label_map[8:14, 10:20] = 0
    return label_map.clip(0, 2)


@pytest.mark.parametrize("output", POLYGONS)
def test_far_fewer_points_and_nearly_the_same_area(tmp_path, output):
    exact, smooth = (written(two_hills(), tmp_path, output, simplify) for simplify in (None, 2.0))
    assert 3 * count(smooth) < count(exact)


def count(content):
    """The numbers in a file: mostly its coordinates."""
    if isinstance(content, dict):
        return sum(map(count, content.values()))
    return sum(map(count, content)) if isinstance(content, list) else isinstance(content, float | int)


@given(label_maps((0, 1, 2, VOID), side=14))
@settings(max_examples=60, deadline=None)
def test_geojson_has_no_gaps_and_no_overlaps(tmp_path_factory, label_map):
    content = written(label_map, tmp_path_factory.mktemp("x"), "polygons", 1.5)
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in content["features"]]
    assert all(shape.is_valid and shape.exterior.is_ccw for shape in shapes)
    assert shapely.coverage_is_valid(shapes)
    assert sum(feature["properties"]["area"] for feature in content["features"]) == (label_map != VOID).sum()


def test_coco_keeps_holes_open_and_its_boxes_fit(tmp_path):
    label_map = two_hills()
    content = written(label_map, tmp_path, "coco-polygons", 2.0)
    covered = shapely.union_all([shape for one in content["annotations"] for shape in pieces(one)])
    assert not covered.contains(shapely.Point(15, 11))
    assert covered.area == pytest.approx((label_map > 0).sum(), rel=0.03)
    for one in content["annotations"]:
        left, top, width, height = one["bbox"]
        assert shapely.union_all(pieces(one)).bounds == (left, top, left + width, top + height)
        assert one["area"] == pytest.approx(shapely.union_all(pieces(one)).area, rel=0.05)


def pieces(annotation):
    return [shapely.Polygon(np.reshape(points, (-1, 2))) for points in annotation["segmentation"]]


def test_labelme_s_polygons_painted_in_their_order_are_the_mask(tmp_path):
    from fullconv.data.polygons import fill

    label_map = two_hills()
    content = written(label_map, tmp_path, "labelme", 2.0)
    painted = np.zeros_like(label_map)
    names = {name: index for index, name in enumerate(CLASSES.names)} | {"_background_": 0}
    for shape in content["shapes"]:
        painted[fill(np.add(shape["points"], 0.5), *label_map.shape)] = names[shape["label"]]
    assert (painted != label_map).mean() < 0.02


def test_zero_is_exact(tmp_path):
    for output in POLYGONS:
        assert written(two_hills(), tmp_path, output, 0) == written(two_hills(), tmp_path, output, None)
