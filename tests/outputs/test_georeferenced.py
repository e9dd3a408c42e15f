"""What is written of a picture that lies on the ground, read again by GDAL and GeoPandas."""

import json
from pathlib import Path

import numpy as np
import pytest

from fullconv.errors import FullconvError
from fullconv.georeference import Georeference
from fullconv.outputs import geotiff, mosaic
from tests.outputs.results import CLASSES, VOID, result_of

rasterio = pytest.importorskip("rasterio")
LABELS = np.array([[0, 0, 2, 2, 2], [0, 0, 2, VOID, 2], [1, 1, 2, 2, 2]], np.uint8)
TRANSFORM = (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)


def ground(code=32632):
    crs = rasterio.CRS.from_epsg(code).to_wkt() if code else ""
    return Georeference(crs, TRANSFORM, code)


def written(folder, outputs, labels=LABELS, place=None, **others):
    result = result_of(labels, georeference=place or ground(), **others)
    return result.save(folder, "x", outputs)


def bands(path):
    with rasterio.open(path) as raster:
        assert raster.transform == rasterio.Affine(*TRANSFORM)
        assert raster.crs.to_epsg() == 32632
        facts = raster.profile | {"descriptions": raster.descriptions}
        return raster.read(), raster.dataset_mask() == 255, facts


def test_labels_with_colours_names_and_no_data(tmp_path):
    path, categories = written(tmp_path, ["labels"])
    assert (path.name, categories.name) == ("x_labels.tif", "x_labels.tif.aux.xml")
    values, valid, facts = bands(path)
    assert (values[0] == LABELS).all()
    assert (valid == (LABELS != VOID)).all()
    assert (facts["nodata"], facts["dtype"], facts["descriptions"]) == (VOID, "uint8", ("class index",))
    assert (facts["compress"], facts["count"]) == ("deflate", 1)
    with rasterio.open(path) as again:
        colours = again.colormap(1)
        assert [colours[i][:3] for i in range(3)] == [tuple(colour) for colour in CLASSES.colours]
        assert [again.tags()[f"class_{i}"] for i in range(3)] == list(CLASSES.names)
    text = categories.read_text(encoding="utf-8")
    assert "<Category>background</Category><Category>traffic light/red</Category><Category>größe</Category>" in text
    assert '<PAMRasterBand band="1">' in text


def test_a_mask_for_each_class_present(tmp_path):
    paths = written(tmp_path, ["masks"])
    assert [path.name for path in paths] == ["x_background.tif", "x_traffic-light-red.tif", "x_größe.tif"]
    for i, path in enumerate(paths):
        assert (bands(path)[0][0] == np.where(i == LABELS, 255, 0)).all()
    assert [path.name for path in written(tmp_path / "b", ["masks"], [[2, VOID]])] == ["x_größe.tif"]


def test_the_overlay_is_the_picture_under_the_colours_where_there_is_data(tmp_path):
    labels = np.zeros((64, 96), np.uint8)
    labels[:, 32:], labels[:, 64:] = 1, VOID
    (path,) = written(tmp_path, ["overlay"], labels)
    assert path.name == "x_overlay.tif"
    values, valid, facts = bands(path)
    expected = result_of(labels).overlay(outlined=False)
    assert np.abs(values[:, :, 4:28].transpose(1, 2, 0).astype(int) - expected[:, 4:28]).max() < 12
    assert np.abs(values[:, :, 36:60].transpose(1, 2, 0).astype(int) - expected[:, 36:60]).max() < 12
    assert (valid == (labels != VOID)).all()
    assert facts["compress"] == "jpeg"


def test_scores_are_a_band_a_class(tmp_path):
    scores = np.zeros((3, *LABELS.shape), np.float32)
    scores[0] = LABELS
    (path,) = written(tmp_path, ["scores"], scores=scores)
    assert path.name == "x_scores.tif"
    values, _, facts = bands(path)
    assert facts["descriptions"] == CLASSES.names
    assert (facts["nodata"], facts["interleave"]) == (VOID, "band")
    assert (values[:, LABELS == VOID] == VOID).all()
    assert values[:, 0, 0].tolist() == [85, 85, 85]
    with pytest.raises(FullconvError, match="scores"):
        written(tmp_path / "none", ["scores"])


@pytest.mark.parametrize(("output", "name"), [("polygons", "x.geojson"), ("geopackage", "x.gpkg")])
def test_polygons_lie_on_the_ground(tmp_path, output, name):
    pytest.importorskip("shapely", "2.1")
    geopandas = pytest.importorskip("geopandas")
    (path,) = written(tmp_path, [output])
    assert path.name == name
    table = geopandas.read_file(path)
    assert table.crs.to_epsg() == 32632
    assert table["class"].tolist() == [CLASSES.names[i] for i in table["index"]]
    assert dict(zip(table["index"], table["area"], strict=True)) == {0: 4, 1: 2, 2: 8}
    assert table.total_bounds.tolist() == [5e5, 5e6 - 30, 5e5 + 50, 5e6]
    assert table.geometry.area.sum() == pytest.approx(14 * 100, rel=0.1)
    hole = table.set_index("index").geometry[2].interiors
    assert len(hole) == 1


def test_the_text_of_polygons(tmp_path):
    pytest.importorskip("shapely", "2.1")
    (path,) = written(tmp_path, ["polygons"], [[2, 2]])
    text = path.read_text(encoding="utf-8")
    assert "größe" in text
    values = json.loads(text)
    assert (values["type"], values["name"]) == ("FeatureCollection", "x")
    assert values["crs"] == {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    (feature,) = values["features"]
    assert feature["type"] == "Feature"
    assert feature["properties"] == {"class": "größe", "index": 2, "area": 2}
    assert feature["geometry"]["type"] == "Polygon"
    assert sorted(map(tuple, feature["geometry"]["coordinates"][0][:-1])) == [
        (5e5, 5e6 - 10), (5e5, 5e6), (5e5 + 20, 5e6 - 10), (5e5 + 20, 5e6),
    ]  # fmt: skip


def test_a_system_without_a_number_or_a_name(tmp_path):
    pytest.importorskip("shapely", "2.1")
    own = Georeference(ground().crs, TRANSFORM, None)
    for named in ({}, {"source": Path("scenes/a.tif")}):
        with pytest.raises(
            FullconvError, match=r": its coordinate system has no EPSG code, .*save geopackage"
        ) as error:
            written(tmp_path, ["polygons"], place=own, **named)
        assert str(error.value).startswith("scenes/a.tif: " if named else "x: ")
    (path,) = written(tmp_path, ["polygons"], place=ground(None))
    assert not {"crs", "coordinates_in"} & set(json.loads(path.read_text()))


def test_parts_are_put_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(mosaic, "BLOCK", 256)
    monkeypatch.setattr(geotiff, "PICTURE", 256)
    labels = np.random.default_rng(0).integers(0, 3, (20, 34)).repeat(16, 0).repeat(16, 1)
    mask, *_ = written(tmp_path, ["masks"], labels)
    assert (bands(mask)[0][0] == np.where(labels == 0, 255, 0)).all()
    (overlay,) = written(tmp_path, ["overlay"], labels)
    values = bands(overlay)[0].transpose(1, 2, 0)[8::16, 8::16].astype(int)
    assert np.abs(values - result_of(labels).overlay(outlined=False)[8::16, 8::16]).max() < 25


def test_a_disk_that_is_full_is_found_before_gdal_writes(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 14})()
    monkeypatch.setattr(geotiff.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="No space left on device"):
        written(tmp_path, ["labels"])
    usage.free = 15
    assert written(tmp_path, ["labels"])[0].exists()
