"""Writes GeoTIFFs of label maps, masks, overlays, scores and confidence, part by part (extra `geo`)."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes, LabelMap
from fullconv.georeference import Georeference, import_rasterio, is_of_rasterio, refuse_undecodable
from fullconv.outputs.class_names import file_names
from fullconv.outputs.file import Files, Fill, text
from fullconv.outputs.mosaic import Frame, Mosaic
from fullconv.segmentation import Segmentation
from fullconv.view import Part

CACHE = 16 * 2**20  # bytes of blocks that GDAL holds; by default it takes a twentieth of the machine's memory
PICTURE = 1024  # pixels per side of an overlay's parts, of which about six copies of four bytes per pixel are held
CERTAIN = 254  # value for a probability of 1; 255 means no data
LABELS = "_labels.tif"
CATEGORIES = f"{LABELS}.aux.xml"
FULL = 2**20  # free bytes below which a disk counts as full

Raster = Any  # a dataset of rasterio
Tags = Mapping[str, str]


def write_labels(path: Path, frame: Frame, parts: Iterable[tuple[Part, LabelMap]], tags: Tags) -> Path:
    """Writes class indices with their colours. 255, void, is declared as nodata. The names are in the tags class_0,
    class_1 …, and, as GDAL's categories, in a file beside it (write_categories)."""
    classes = frame.classes
    named = {f"class_{i}": name for i, name in enumerate(classes.names)}
    with _created(path, frame, 1, nodata=classes.void) as raster:
        raster.write_colormap(1, {i: (*map(int, colour), 255) for i, colour in enumerate(classes.palette())})
        raster.update_tags(**tags, **named)
        raster.set_band_description(1, "class index")
        for part, label_map in parts:
            raster.write(label_map, 1, window=window_of(part))
    return path


def write_categories(classes: Classes) -> Files:
    """target_labels.tif.aux.xml: the class names, where GDAL and QGIS look for them."""
    names = "".join(f"<Category>{escape(name)}</Category>" for name in classes.names)
    content = (
        f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{names}</CategoryNames></PAMRasterBand></PAMDataset>\n'
    )
    return {CATEGORIES: text(lambda: content)}


def write_masks(mosaic: Mosaic, target: Path) -> Files:
    """target_<class>.tif for each class present, or for the requested ones: 255 for the class, 0 elsewhere."""
    classes = mosaic.classes
    parts = file_names(classes.names)
    indices = [classes.index(name) for name in mosaic.asked] or _present(mosaic)
    return {f"_{parts[index]}.tif": _mask(mosaic, index) for index in indices}


def _present(mosaic: Mosaic) -> list[int]:
    """Returns the indices of the classes in a label map, which is read once."""
    present = np.zeros(256, bool)
    for part in mosaic.blocks():
        present |= np.bincount(mosaic.labels(part).ravel(), minlength=256) > 0
    return [index for index in range(len(mosaic.classes)) if present[index]]


def _mask(mosaic: Mosaic, index: int) -> Fill:
    def write(hidden: Path) -> None:
        with _created(hidden, mosaic, 1) as raster:
            for part in mosaic.blocks():
                mask = mosaic.labels(part) == index
                raster.write(mask.view(np.uint8) * np.uint8(255), 1, window=window_of(part))

    return write


def write_overlay(mosaic: Mosaic, target: Path) -> Files:
    """target_overlay.tif: the picture with the class colours over it, transparent where there is no data."""

    def write(hidden: Path) -> None:
        with _created(hidden, mosaic, 3, compress="jpeg", jpeg_quality=90, photometric="ycbcr") as raster:
            for part in mosaic.blocks(PICTURE):
                labels = mosaic.labels(part)
                overlay = Segmentation(mosaic.image(part), labels, mosaic.classes).overlay(outlined=False)
                raster.write(np.moveaxis(overlay, 2, 0), window=window_of(part))
                raster.write_mask(labels != mosaic.classes.void, window=window_of(part))

    return {"_overlay.tif": write}


def write_scores(frame: Frame, parts: Iterable[tuple[Part, NDArray[np.uint8]]]) -> Files:
    """target_scores.tif: a band per class with probability x 254 (as the scale of the bands says), 255 where there is
    no data."""
    names = frame.classes.names

    def write(hidden: Path) -> None:
        with _created(hidden, frame, len(names), nodata=frame.classes.void, interleave="band") as raster:
            raster.scales, raster.descriptions = [1 / CERTAIN] * len(names), names
            for part, probabilities in parts:
                raster.write(probabilities, window=window_of(part))

    return {"_scores.tif": write}


def write_confidence(frame: Frame, parts: Iterable[tuple[Part, NDArray[np.uint8]]]) -> Files:
    """target_confidence.tif: the probability of each pixel's class x 254, as in write_scores."""

    def write(hidden: Path) -> None:
        with _created(hidden, frame, 1, nodata=frame.classes.void) as raster:
            raster.scales, raster.descriptions = [1 / CERTAIN], ["confidence"]
            for part, confidences in parts:
                raster.write(confidences, 1, window=window_of(part))

    return {"_confidence.tif": write}


def probabilities(scores: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.uint8]:
    """(C, H, W) scores → their softmax after division by the temperature, as stored."""
    powers = np.exp((scores - scores.max(0)) / temperature)
    powers /= powers.sum(0)
    return stored(powers)


def stored(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Returns probabilities x 254, rounded."""
    return (shares * CERTAIN).round().astype(np.uint8)


@contextmanager
def steady_cache() -> Iterator[None]:
    """Limits the cache of GDAL to CACHE, so that memory does not grow with the raster."""
    with import_rasterio().Env(GDAL_CACHEMAX=CACHE, GDAL_TIFF_INTERNAL_MASK=True):
        yield


@contextmanager
def _created(path: Path, frame: Frame, bands: int, **more: Any) -> Iterator[Raster]:
    """Creates a raster with the position of the frame: tiled, compressed, without empty blocks. Raises OSError if it
    cannot be written."""
    rasterio = import_rasterio()
    height, width = frame.size
    profile = {"driver": "GTiff", "dtype": "uint8", "count": bands, "height": height, "width": width, "tiled": True,
               "blockxsize": 256, "blockysize": 256, "compress": "deflate", "sparse_ok": True,
               "bigtiff": "if_safer"}  # fmt: skip
    refuse_undecodable(path)
    _check_room(path, height * width * bands)
    try:
        with steady_cache(), rasterio.open(path, "w", **profile | _placed(frame.georeference) | more) as raster:
            yield raster
    except Exception as error:
        if not is_of_rasterio(error):
            raise
        if shutil.disk_usage(path.parent).free < FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        raise OSError(errno.EIO, " ".join(str(error).split())) from None


def _check_room(path: Path, size: int) -> None:
    """Raises OSError if a raster of this many bytes might not fit, because GDAL prints a page of errors on a full disk.
    Compression is not known in advance, so a large raster only needs space for what GDAL holds in memory."""
    if shutil.disk_usage(path.parent).free < min(size, CACHE):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _placed(georeference: Georeference | None) -> dict[str, Any]:
    if georeference is None or not georeference.has_transform:
        return dict(georeference.control) if georeference else {}
    return {"crs": georeference.crs or None, "transform": import_rasterio().Affine(*georeference.transform)}


def window_of(part: Part) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = part
    return (rows.start, rows.stop), (columns.start, columns.stop)
