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


def test_a_part_across_180_degrees_is_as_large_as_any_other():
    """In degrees, in degrees that go on beyond 180, and in the UTM zone that ends there."""
    pytest.importorskip("rasterio")
    expected = 111_319.5 * 110_574
    for left in (179.5, -180.5, 59.5):
        table = placed([[1]], WGS84, (1, 0, left, 0, -1, 0.5))
        assert table.loc[1, "area_m2"] == pytest.approx(expected, rel=1e-3)
    zone = placed(np.ones((60, 60)), "EPSG:32660", (1000, 0, 804_000, 0, -1000, 30_000))  # 180 degrees is at 834 000
    assert zone.loc[1, "area_m2"] == pytest.approx(60_000**2, rel=5e-3)


def test_a_map_of_the_whole_earth():
    pytest.importorskip("rasterio")
    for side in (0.5, 1, 45):
        label_map = np.ones((int(180 / side), int(360 / side)))
        table = placed(label_map, WGS84, (side, 0, -180, 0, -side, 90))
        assert table.loc[1, "area_m2"] == pytest.approx(510.066e12, rel=1e-4)


@pytest.mark.parametrize(("crs", "south"), [("EPSG:3413", False), ("EPSG:3031", True)])
def test_square_metres_around_a_pole(crs, south):
    """A square around the pole, which a cylinder cannot show: the area of its pixels, corrected for the map's scale."""
    rasterio = pytest.importorskip("rasterio")
    pixel, number = 5000, 200
    x = (np.arange(number) - number / 2 + 0.5) * pixel
    places = np.meshgrid(x, x)
    _, latitudes = rasterio.warp.transform(crs, WGS84, places[0].ravel(), places[1].ravel())
    table = placed(np.ones((number, number)), crs, (pixel, 0, -number / 2 * pixel, 0, -pixel, number / 2 * pixel))
    true_at = -71 if south else 70
    expected = (pixel**2 / areal_scale(np.array(latitudes), true_at)).sum()
    assert table.loc[1, "area_m2"] == pytest.approx(expected, rel=1e-4)


def areal_scale(latitudes, true_at):
    """How many times as large a polar stereographic map shows what lies at these latitudes."""
    e = 0.0818191908426215

    def t_and_m(degrees):
        phi = np.radians(np.abs(degrees))
        t = np.tan(np.pi / 4 - phi / 2) / ((1 - e * np.sin(phi)) / (1 + e * np.sin(phi))) ** (e / 2)
        return t, np.cos(phi) / np.sqrt(1 - (e * np.sin(phi)) ** 2)

    (t, m), (t0, m0) = t_and_m(latitudes), t_and_m(true_at)
    return (m0 * t / (t0 * m)) ** 2


@pytest.mark.parametrize("crs", ['LOCAL_CS["site",UNIT["metre",1]]', "no system", WGS84])
def test_a_place_that_is_not_on_the_earth_has_no_area(crs):
    """The last one goes beyond the pole."""
    pytest.importorskip("rasterio")
    assert placed([[1]], crs, (1, 0, 0, 0, -1, 90.5))["area_m2"].isna().all()
