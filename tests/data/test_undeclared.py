"""Nodata values that rasters do not declare."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.doctor.examination import check
from fullconv.data.survey import survey
from fullconv.data.undeclared import nodata_text, undeclared_nodata
from fullconv.view import Picture
from tests.data.test_bands import write_raster
from tests.data.test_survey import TWO, samples

LARGEST = np.finfo(np.float32).max


def scene(dtype=np.float32, low=0.0, high=1.03, corner=None, share=0.1):
    """(40, 50, 3) values from `low` to `high`; this `share` of the rows is `corner`."""
    values = (low + np.random.default_rng(0).random((40, 50, 3)) * (high - low)).astype(dtype)
    if corner is not None:
        values[: round(40 * share)] = corner
    return values


@pytest.mark.parametrize("value", [-9999, -32768, 1e20, LARGEST, -LARGEST, -99, 1e6])
def test_a_frequent_value_far_from_all_others_is_found(value):
    found = undeclared_nodata(Picture(scene(corner=value)))
    assert found == np.float32(value)
    assert float(nodata_text([found])[1].split()[2]) == pytest.approx(float(np.float32(value)))


@pytest.mark.parametrize("value", [-9999, -32768])
def test_whole_numbers_need_not_lie_so_far_away(value):
    assert undeclared_nodata(Picture(scene(np.int16, 0, 15000, value))) == value


@pytest.mark.parametrize(
    "values",
    [
        scene(), scene(np.uint8, 100, 105, 0), scene(np.uint8, 0, 5, 255),
        np.where(np.arange(6000).reshape(40, 50, 3) % 200, scene(np.uint16, 0, 3000), 65535).astype(np.uint16),
        scene(np.uint16, 0, 65535, 65535), scene(np.uint16, 10000, 10050, 0), scene(np.uint16, 100, 10300, 20000),
        scene(np.int16, -1000, 3000, -3024), scene(np.int16, -32768, 32767, -32768), scene(np.float32, -50, 3000, -51),
        np.full((40, 50, 3), -9999, np.float32), np.where(scene() > 0.9, 1000, scene() > 0.5).astype(np.float32),
        scene() * np.nan, np.dstack([scene(np.uint16, 0, 5000), np.full((40, 50), 65535, np.uint16)]),
    ],
    ids=["plain", "8 bits, black", "8 bits, white", "rare", "saturated", "background", "clouds", "tomogram", "sound",
         "sea", "nothing else", "drawing", "NaN", "alpha"],
)  # fmt: skip
def test_usual_pictures_raise_no_alarm(values):
    assert undeclared_nodata(Picture(values)) is None


def test_a_single_band_with_nodata_is_enough():
    values = scene() + np.array([0, 3000, 0])
    values[:2, :, 2] = -9999
    assert undeclared_nodata(Picture(values)) == -9999


def test_declared_nodata_raises_no_alarm():
    values = scene(corner=-9999)
    assert undeclared_nodata(Picture(values, known=values != -9999)) is None


def test_check_and_training_say_the_same(tmp_path):
    for number, corner in enumerate([-9999, None, -9999]):
        write_raster(tmp_path / "images" / f"{number}.tif", scene(corner=corner))
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.eye(40, 50, dtype=np.uint8)).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "data.yaml").write_text("names: [a, b]\n")
    (finding,) = [one for one in check(tmp_path / "data.yaml").findings if one.kind == "undeclared-nodata"]
    assert [case.path.name for case in finding.cases] == ["0.tif", "2.tif"]
    assert finding.text.startswith("2 images with many pixels of -9999, far from all other values")
    assert finding.remedy.startswith("gdal_edit.py -a_nodata -9999 FILE")
    (tmp_path / "s").mkdir()
    small = [scene(corner=corner)[:20, :30] for corner in (-9999, None, -9999)]
    assert nodata_text(survey(samples(tmp_path / "s", small), TWO).undeclared) == (finding.text, finding.remedy)
