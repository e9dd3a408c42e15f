"""`fullconv predict` and `check` on rasters that name files and addresses."""

import json
from pathlib import Path

import pytest

pytest.importorskip("rasterio")

from fullconv.errors import FullconvError
from fullconv.georeference import checked_crs
from tests.hostile import data_sets, scenes
from tests.hostile.running import Ended, run


def predict(folder: Path, scene: Path, *more: object) -> Ended:
    return run("predict", scene, "--save", "labels", "--out", "out", *more, inside=folder, seconds=60)


@pytest.mark.parametrize("name", scenes.REFUSED)
def test_nothing_else_is_read(name, tmp_path):
    ended = predict(tmp_path, scenes.REFUSED[name](tmp_path / "data"))
    ended.orderly()
    assert ended.code == 1, ended.out
    assert len([line for line in ended.err.splitlines() if line.startswith("error: ")]) == 1, ended.err
    assert not list(tmp_path.glob("out/*.tif"))


@pytest.mark.parametrize("name", scenes.ACCEPTED)
def test_what_lies_in_the_folder_is_read(name, tmp_path):
    ended = predict(tmp_path, scenes.ACCEPTED[name](tmp_path / "data"))
    ended.orderly()
    assert ended.code == 0, ended.err
    assert list(tmp_path.glob("out/*_labels.*"))


def test_folders_that_are_allowed(tmp_path):
    scene = scenes.virtual(tmp_path / "data", scenes.secret(tmp_path / "data"))
    assert f"--outside {tmp_path / 'secret'}" in predict(tmp_path, scene).err
    assert predict(tmp_path, scene, "--outside", tmp_path / "secret").code == 0


@pytest.mark.parametrize("crs", [
    "/etc/passwd", "http://127.0.0.1:9/a", "+init=epsg:4326", "+proj=utm +nadgrids=/etc/passwd", "EPSG:99999999999",
    "urn:ogc:def:crs:EPSG::x/../y", "", "data.prj", "{}", "\x1b[31m",
])  # fmt: skip
def test_coordinate_systems_are_codes_or_wkt(crs, tmp_path):
    with pytest.raises(FullconvError):
        checked_crs(crs)
    scenes.plain(tmp_path / "data" / "images" / "a.tif")
    content = {
        "crs": {"properties": {"name": crs}},
        "features": [{"properties": {}, "geometry": {"type": "Point", "coordinates": [1, 1]}}],
    }
    data_sets.write(tmp_path / "data" / "labels" / "a.geojson", json.dumps(content))
    yaml = data_sets.write(tmp_path / "data" / "data.yaml", data_sets.NAMED)
    ended = run("check", yaml, inside=tmp_path)
    ended.orderly()
    assert "coordinate system" in ended.out


@pytest.mark.parametrize("crs", ["EPSG:4326", "epsg:32633", "OGC:CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84",
                                 "urn:ogc:def:crs:EPSG::32633", 'GEOGCS["WGS 84"]'])  # fmt: skip
def test_the_usual_ones_are_taken(crs):
    assert checked_crs(crs) == crs
