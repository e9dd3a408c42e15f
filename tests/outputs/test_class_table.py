"""Tables of what is in a picture."""

import sys

import numpy as np
import pytest

from fullconv.classes import VOID
from fullconv.errors import FullconvError
from fullconv.georeference import Georeference
from tests.outputs.results import result_of

WGS84 = "EPSG:4326"


def test_a_row_a_class_with_pixels_share_and_regions():
    table = result_of([[0, 1, 0, VOID], [1, 0, 0, 0]]).to_df()
    assert list(table.columns) == ["class", "index", "pixels", "share", "regions", "area_m2"]
    assert table["index"].tolist() == [0, 1]
    assert table["pixels"].tolist() == [5, 2]
    assert table["share"].tolist() == [5 / 8, 2 / 8]
    assert table["regions"].tolist() == [2, 2]
    assert table["area_m2"].isna().all()


def test_without_pandas_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(FullconvError, match=r"pip install 'fullconv\[pandas\]'"):
        result_of([[0, 1]]).to_df()


def placed(label_map, crs, transform):
    from dataclasses import replace

    return replace(result_of(label_map), georeference=Georeference(crs, transform)).to_df().set_index("index")


def test_square_metres_of_a_map_in_metres():
    """UTM stretches by at most 0.04 % along, so 10 m pixels are 100 m² within 0.1 %."""
    pytest.importorskip("rasterio")
    table = placed(np.repeat([[0, 1]], 40, axis=1), "EPSG:32633", (10, 0, 500_000, 0, -10, 5_400_000))
    assert table["area_m2"].tolist() == pytest.approx([4000, 4000], rel=1e-3)


def test_square_metres_of_degrees_and_of_a_web_map():
    """A degree at the equator, from the ellipsoid's radii: 111 319.5 m by 110 574 m; at 60° north web maps show
    everything four times as large."""
    pytest.importorskip("rasterio")
    table = placed([[1]], WGS84, (1, 0, 10, 0, -1, 0.5))
    assert table.loc[1, "area_m2"] == pytest.approx(111_319.5 * 110_574, rel=1e-3)
    web = placed([[1]], "EPSG:3857", (100, 0, 0, 0, -100, 8_399_738))
    assert web.loc[1, "area_m2"] == pytest.approx(100 * 100 / 4, rel=1e-2)


def test_the_area_of_a_tall_picture_is_the_sum_of_its_rows():
    """Rows further north are smaller: 600 rows of a tenth of a degree, from the equator to 60° north."""
    pytest.importorskip("rasterio")
    label_map = np.zeros((600, 1), np.uint8)
    label_map[300:] = 1
    table = placed(label_map, WGS84, (0.1, 0, 0, 0, -0.1, 60))
    assert table.loc[1, "area_m2"] / table.loc[0, "area_m2"] == pytest.approx(
        np.sin(np.pi / 6) / (np.sin(np.pi / 3) - np.sin(np.pi / 6)), rel=1e-2
    )


def test_a_position_without_a_coordinate_system_has_no_area():
    assert placed([[1]], "", (1, 0, 0, 0, -1, 0))["area_m2"].isna().all()
