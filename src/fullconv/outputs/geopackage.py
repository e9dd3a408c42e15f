"""A GeoPackage of one layer of polygons: an SQLite file with four tables that OGC 12-128r19 prescribes."""

from __future__ import annotations

import errno
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fullconv.georeference import Georeference

APPLICATION, VERSION = 0x47504B47, 10300  # "GPKG", 1.3
CARTESIAN, GEOGRAPHIC, OWN = -1, 0, 1  # the two undefined systems that every file has; one that EPSG does not number
EPOCH = "1970-01-01T00:00:00.000Z"  # of the last change: the same prediction gives the same bytes
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]]'
)
Bounds = tuple[float, float, float, float]  # least x, least y, greatest x, greatest y

TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
  srs_id INTEGER, CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE polygons (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POLYGON, class TEXT, "index" INTEGER,
  area INTEGER);
"""


class GeoPackage:
    """Open for adding polygons, complete when closed. sqlite3's errors become OSError."""

    def __init__(self, path: Path, identifier: str, georeference: Georeference | None) -> None:
        self.identifier, self.georeference = identifier, georeference
        self.bounds: Bounds | None = None
        # Nobody sees the file before it is whole, so neither a journal nor waiting for the disk is of use.
        self.database = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> Self:
        with _told():
            for pragma in (f"application_id = {APPLICATION}", f"user_version = {VERSION}", "journal_mode = OFF"):
                self.database.execute(f"PRAGMA {pragma}")
            self.database.executescript(TABLES + "BEGIN;")
            self.database.executemany(
                "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _systems(self.georeference)
            )
        return self

    def add(self, shape: bytes, bounds: Bounds, name: str, index: int, area: int) -> None:
        """A polygon in WKB, its bounds, class, and area in pixels."""
        geometry = b"GP" + struct.pack("<BBi4d", 0, 0b11, _number(self.georeference), *_box(bounds)) + shape
        with _told():
            self.database.execute(
                'INSERT INTO polygons (geom, class, "index", area) VALUES (?, ?, ?, ?)', (geometry, name, index, area)
            )
        self.bounds = bounds if self.bounds is None else _union(self.bounds, bounds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self.database.close()

    def _finish(self) -> None:
        number, bounds = _number(self.georeference), self.bounds or (None,) * 4
        row = ("polygons", "features", self.identifier, "", EPOCH, *bounds, number)
        with _told():
            self.database.execute("INSERT INTO gpkg_contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            row = ("polygons", "geom", "POLYGON", number, 0, 0)
            self.database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, ?, ?)", row)
            self.database.execute("COMMIT")


def _number(georeference: Georeference | None) -> int:
    if georeference is None or not georeference.crs:
        return CARTESIAN
    return georeference.epsg or OWN


def _systems(georeference: Georeference | None) -> list[tuple[str, int, str, int, str, None]]:
    """The three that every file has, and the scene's."""
    systems = {
        CARTESIAN: ("undefined cartesian", CARTESIAN, "NONE", CARTESIAN, "undefined", None),
        GEOGRAPHIC: ("undefined geographic", GEOGRAPHIC, "NONE", GEOGRAPHIC, "undefined", None),
        4326: ("WGS 84", 4326, "EPSG", 4326, WGS84, None),
    }
    if georeference and georeference.crs:
        number, authority = _number(georeference), "EPSG" if georeference.epsg else "NONE"
        systems[number] = (f"{authority} {number}", number, authority, number, georeference.crs, None)
    return list(systems.values())


def _box(bounds: Bounds) -> Bounds:
    """In the order of a GeoPackage's header."""
    return bounds[0], bounds[2], bounds[1], bounds[3]


def _union(one: Bounds, other: Bounds) -> Bounds:
    lower, upper = map(min, one[:2], other[:2]), map(max, one[2:], other[2:])
    return (*lower, *upper)  # type: ignore[return-value]


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        full = "full" in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, os.strerror(errno.ENOSPC) if full else str(error)) from None
