"""The file's own tables, and its geometries, as OGC 12-128 has them."""

import sqlite3
import struct
from contextlib import suppress

import pytest

from fullconv.georeference import Georeference
from fullconv.outputs.geopackage import APPLICATION, EPOCH, GeoPackage

UTM = Georeference("PROJCS[…]", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), 32632)
OWN = Georeference("LOCAL_CS[…]", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), None)
BARE = Georeference("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), None)


def tables(path, ground, shapes=()):
    with GeoPackage(path, "scene", ground) as package:
        for number, bounds in enumerate(shapes):
            package.add(b"wkb", bounds, f"class {number}", number, 7 * number)
    with sqlite3.connect(path) as database:
        names = ["gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys", "polygons"]
        pragmas = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        assert pragmas == [APPLICATION, 10300]
        assert path.read_bytes()[68:72] == b"GPKG"
        return {name.removeprefix("gpkg_"): database.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def test_polygons_with_the_bounds_of_each_and_of_all(tmp_path):
    found = tables(tmp_path / "a.gpkg", UTM, [(3.0, 1.0, 4.0, 9.0), (2.0, 5.0, 6.0, 8.0)])
    assert found["contents"] == [
        ("polygons", "features", "scene", "", EPOCH, 2.0, 1.0, 6.0, 9.0, 32632),
    ]
    assert found["geometry_columns"] == [("polygons", "geom", "POLYGON", 32632, 0, 0)]
    first, second = found["polygons"]
    assert first[2:] == ("class 0", 0, 0)
    assert second[2:] == ("class 1", 1, 7)
    head = struct.unpack("<2sBBi4d", second[1][:40])
    assert head == (b"GP", 0, 0b11, 32632, 2.0, 6.0, 5.0, 8.0)  # little-endian, with least and greatest x and y
    assert second[1][40:] == b"wkb"


@pytest.mark.parametrize(
    ("ground", "number", "own"),
    [
        (UTM, 32632, ("EPSG 32632", 32632, "EPSG", 32632, "PROJCS[…]", None)),
        (OWN, 1, ("NONE 1", 1, "NONE", 1, "LOCAL_CS[…]", None)),
        (BARE, -1, None), (None, -1, None),
    ],
)  # fmt: skip
def test_the_coordinate_system(tmp_path, ground, number, own):
    found = tables(tmp_path / "a.gpkg", ground, [(0.0, 0.0, 1.0, 1.0)])
    assert found["contents"][0][-1] == found["geometry_columns"][0][3] == number
    assert struct.unpack("<i", found["polygons"][0][1][4:8]) == (number,)
    systems = {row[1]: row for row in found["spatial_ref_sys"]}
    assert {-1, 0, 4326} <= systems.keys()
    assert [systems[i][2:4] for i in (-1, 0, 4326)] == [("NONE", -1), ("NONE", 0), ("EPSG", 4326)]
    assert systems[4326][4].startswith('GEOGCS["WGS 84"')
    assert len(systems) == 3 + (own is not None)
    assert systems.get(number) == own if own else True


def test_an_empty_package_has_no_bounds(tmp_path):
    assert tables(tmp_path / "a.gpkg", UTM)["contents"][0][5:9] == (None,) * 4


def test_the_same_polygons_are_the_same_bytes(tmp_path):
    for name in "ab":
        tables(tmp_path / name, UTM, [(0.0, 0.0, 1.0, 1.0)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_interrupted_package_is_not_kept(tmp_path):
    with suppress(KeyError), GeoPackage(tmp_path / "a.gpkg", "scene", UTM) as package:
        package.add(b"wkb", (0.0, 0.0, 1.0, 1.0), "a", 0, 1)
        raise KeyError
    with sqlite3.connect(tmp_path / "a.gpkg") as database:
        assert database.execute("SELECT * FROM gpkg_contents").fetchall() == []


def test_errors_of_sqlite_become_oserror(tmp_path):
    with GeoPackage(tmp_path / "a.gpkg", "scene", UTM) as package:
        package.database.execute("DROP TABLE polygons")
        with pytest.raises(OSError, match="no such table: polygons"):
            package.add(b"wkb", (0.0, 0.0, 1.0, 1.0), "a", 0, 1)
