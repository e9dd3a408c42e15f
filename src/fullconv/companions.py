"""Checks which other files a raster refers to: they must lie below its own folder or in a folder that the user allows.

GDAL opens whatever a virtual raster, or a file beside a raster, refers to: any local file and any URL. This module
therefore checks those references before GDAL gets the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fullconv import tiff
from fullconv.errors import FullconvError, argument
from fullconv.listed import listed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# GDAL's drivers by the first bytes of a file. A virtual raster is recognised only by its name.
DRIVERS = {
    **dict.fromkeys(tiff.MAGIC, "GTiff"), b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"\0\0\0\x0cjP  ": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG", b"BM": "BMP", b"GIF8": "GIF", b"RIFF": "WEBP",
}  # fmt: skip
VIRTUAL = ".vrt"
MOST = 2**24  # bytes of XML
LARGEST_SIDE = 2**20  # pixels per side of a virtual raster
ELEMENTS = frozenset([  # allowed in a virtual raster: none of them runs code or refers to other files
    "VRTDataset", "SRS", "GeoTransform", "Metadata", "MDI", "VRTRasterBand", "Description", "ColorInterp",
    "ColorTable", "Entry", "NoDataValue", "HideNoDataValue", "UnitType", "Offset", "Scale", "CategoryNames",
    "Category", "MaskBand", "OverviewList", "SimpleSource", "ComplexSource", "SourceFilename", "SourceBand",
    "SourceProperties", "SrcRect", "DstRect", "NODATA", "UseMaskBand", "ScaleOffset", "ScaleRatio",
    "ColorTableComponent", "LUT", "BlockXSize", "BlockYSize", "GCPList", "GCP", "Histograms", "HistItem", "HistMin",
    "HistMax", "BucketCount", "IncludeOutOfRange", "Approximate", "HistCounts",
])  # fmt: skip
DERIVED = re.compile(rb"OVERVIEW_FILE|SourceFilename|SourceDataset")  # what may refer to further files in an .aux.xml


def check_companions(path: Path, outside: Sequence[str | Path] = (), depth: int = 0) -> None:
    """Raises FullconvError if GDAL, given `path`, would open a file that lies elsewhere or is of another kind."""
    if depth > 8:
        raise FullconvError(f"{path}: virtual rasters are nested too deeply; convert it to a GeoTIFF")
    _check_beside(path)
    if path.suffix.lower() == VIRTUAL:
        folders = [_plain(path.parent), *(_plain(Path(folder)) for folder in listed("outside", outside))]
        for source in _sources(path):
            if not any(_plain(source).startswith(folder) for folder in folders):
                allow = argument("outside", os.path.dirname(_plain(source).rstrip(os.sep)))
                raise FullconvError(f"{path}: refers to {source}, outside its folder; if this is intended, add {allow}")
            _check_kind(source, path)
            check_companions(source, outside, depth + 1)


def _check_beside(path: Path) -> None:
    """Checks the files beside a raster. Masks and overviews must be TIFFs, as GDAL writes them, without masks and
    overviews of their own. An .aux.xml must not refer to other files."""
    for ending in (".msk", ".ovr"):
        beside = path.with_name(path.name + ending)
        if beside.is_file():
            if _start(beside)[:4] not in tiff.MAGIC:
                raise FullconvError(f"{path}: {beside.name} next to it is not a TIFF; remove it, or create it again")
            _check_beside(beside)
    for described in (path.with_name(path.name + ".aux.xml"), path.with_suffix(".aux.xml")):
        if described.is_file() and DERIVED.search(_content(described)):
            raise FullconvError(f"{path}: {described.name} next to it refers to other files; remove it")


def _sources(path: Path) -> Iterator[Path]:
    """Yields the files that a virtual raster is composed of."""
    root = _parsed(path)
    _check_size(root, path)
    for element in root.iter():
        if element.tag not in ELEMENTS or element.get("subClass", "VRTSourcedRasterBand") != "VRTSourcedRasterBand":
            kind = element.get("subClass", element.tag)
            raise FullconvError(f"{path}: a virtual raster with {kind}; convert it to a GeoTIFF with gdal_translate")
        if element.get("key", element.get("name")) == "OVERVIEW_FILE":
            raise FullconvError(f"{path}: refers to an overview file; convert it to a GeoTIFF with gdal_translate")
        if element.tag == "SourceFilename":
            relative = element.get("relativeToVRT", element.get("relativetoVRT", "0")) == "1"
            name = (element.text or "").strip()
            yield path.parent / name if relative else Path(name).absolute()


def _check_size(root: Element, path: Path) -> None:
    sides = [root.get(key, "") for key in ("rasterXSize", "rasterYSize")]
    if not all(re.fullmatch("[0-9]{1,9}", side) and int(side) <= LARGEST_SIDE for side in sides):
        claim = " x ".join(sides)[:60]
        raise FullconvError(f"{path}: claims {claim} pixels; virtual rasters have at most {LARGEST_SIDE} per side")


def _parsed(path: Path) -> Element:
    from xml.etree import ElementTree  # imported here because most pictures are not virtual rasters

    content = _content(path)
    if b"<!" in content.replace(b"<!--", b""):
        raise FullconvError(f"{path}: a virtual raster with declarations (<!…>); convert it to a GeoTIFF")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise FullconvError(f"{path}: not a virtual raster ({error}); create it again with gdalbuildvrt") from None
    if root.tag != "VRTDataset":
        raise FullconvError(f"{path}: not a virtual raster; create it again with gdalbuildvrt")
    return root


def _check_kind(source: Path, path: Path) -> None:
    if not source.is_file():
        raise FullconvError(f"{path}: refers to {source}, which does not exist; put it there")
    if not driver_of(source):
        raise FullconvError(f"{path}: refers to {source}, which is not a raster; remove it from the list")


def driver_of(source: Path | bytes) -> str | None:
    """Returns the GDAL driver for a file, by its content. Only that driver is used, because others might open other
    files."""
    if isinstance(source, Path) and source.suffix.lower() == VIRTUAL:
        return "VRT"
    start = source[:16] if isinstance(source, bytes) else _start(source)
    return next((driver for begins, driver in DRIVERS.items() if start.startswith(begins)), None)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise FullconvError(f"{path}: more than {MOST >> 20} MiB of XML; convert it to a GeoTIFF")
    return content


def _plain(path: Path) -> str:
    """Returns an absolute path without dots, ending in a slash. Links are not followed: the user put them there."""
    return os.path.join(os.path.abspath(path), "")
