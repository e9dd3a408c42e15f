import json

import numpy as np
import pytest
from hypothesis import given, settings

from fullconv.data.polygons import fill
from fullconv.outputs import geojson
from tests.outputs.results import CLASSES, VOID, label_maps, result_of


def as_text(result):
    return geojson.as_text(result, geojson.features(result))


def painted(collection):
    """The label map that the file describes, by the even-odd rule over its rings."""
    label_map = np.full((collection["height"], collection["width"]), VOID, np.uint8)
    for feature in collection["features"]:
        mask = np.zeros(label_map.shape, bool)
        for ring in feature["geometry"]["coordinates"]:
            mask ^= fill(ring, *label_map.shape)
        assert mask.sum() == feature["properties"]["area"]
        assert (label_map[mask] == VOID).all()
        label_map[mask] = feature["properties"]["index"]
    return label_map


@given(label_maps((0, 1, 2, VOID)))
@settings(max_examples=100, deadline=None)
def test_polygons_are_the_label_map(label_map):
    assert (painted(json.loads(as_text(result_of(label_map)))) == label_map).all()


@given(label_maps((0, 1, 2, VOID)))
@settings(max_examples=100, deadline=None)
def test_shapely_finds_them_valid_and_of_the_right_area_without_gap_or_overlap(label_map):
    shapely = pytest.importorskip("shapely")
    from shapely.geometry import shape

    features = json.loads(as_text(result_of(label_map)))["features"]
    polygons = [shape(feature["geometry"]) for feature in features]
    for feature, polygon in zip(features, polygons, strict=True):
        assert polygon.is_valid, shapely.is_valid_reason(polygon)
        assert polygon.area == feature["properties"]["area"]
    assert shapely.union_all(polygons).area == sum(p.area for p in polygons) == (label_map != VOID).sum()


def test_geopandas_opens_the_file(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    (path,) = result_of([[0, 2, 2], [0, 2, VOID]]).save(tmp_path, "photo", ["polygons"])
    table = geopandas.read_file(path).set_crs(None, allow_override=True)  # pixels, whatever GeoJSON readers presume
    assert table["class"].tolist() == [CLASSES.names[0], CLASSES.names[2]]
    assert table.geometry.area.tolist() == table["area"].tolist() == [2, 3]


def test_the_file_says_what_it_holds(tmp_path):
    (path,) = result_of([[0, 2, 2], [0, 2, VOID]]).save(tmp_path, "photo", ["polygons"])
    assert path.name == "photo.geojson"
    text = path.read_text(encoding="utf-8")
    assert CLASSES.names[2] in text  # as people read it
    collection = json.loads(text)
    assert (
        collection["coordinates_in"] == "pixels: origin at the top left corner of the picture, x to the right, y down"
    )
    assert (collection["width"], collection["height"]) == (3, 2)
    first, second = collection["features"]
    assert first["properties"] == {"class": "background", "index": 0, "area": 2}
    assert second == {
        "type": "Feature",
        "properties": {"class": CLASSES.names[2], "index": 2, "area": 3},
        "geometry": {"type": "Polygon", "coordinates": [[[3, 0], [3, 1], [2, 1], [2, 2], [1, 2], [1, 0], [3, 0]]]},
    }


def test_a_picture_without_classes_is_an_empty_collection():
    assert json.loads(as_text(result_of([[VOID]])))["features"] == []
