"""The outputs of a picture with a position on the ground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError
from fullconv.outputs import geotiff
from fullconv.outputs.file import Files
from fullconv.outputs.mosaic import Mosaic
from fullconv.outputs.scores import NO_SCORES
from fullconv.outputs.vectors import refuse_nameless, write_geojson, write_geopackage
from fullconv.segmentation import Segmentation
from fullconv.view import Part

# The outputs made from the label map. The label map and the scores come first (geotiff.write_labels, write_scores).
MOSAIC_WRITERS: dict[str, Callable[[Mosaic, Path], Files]] = {
    "masks": geotiff.write_masks, "overlay": geotiff.write_overlay,
    "polygons": write_geojson, "geopackage": write_geopackage,
}  # fmt: skip


def write_labels(result: Segmentation, target: Path) -> Files:
    """target_labels.tif of a result in memory."""
    mosaic, parts = mosaic_of(result), [(_all(result), result.label_map)]
    labels: Files = {geotiff.LABELS: lambda hidden: geotiff.write_labels(hidden, mosaic, parts, result.tags)}
    return labels | geotiff.write_categories(result.classes)


def write_scores(result: Segmentation, target: Path) -> Files:
    """target_scores.tif of a result in memory that kept its scores."""
    if result.scores is None:
        raise FullconvError(NO_SCORES)
    probabilities = _where_known(result, geotiff.probabilities(result.scores, result.temperature))
    return geotiff.write_scores(mosaic_of(result), [(_all(result), probabilities)])


def write_confidence(result: Segmentation, target: Path) -> Files:
    """target_confidence.tif of a result in memory that kept its scores."""
    stored = _where_known(result, geotiff.stored(result.confidence))
    return geotiff.write_confidence(mosaic_of(result), [(_all(result), stored)])


def write_polygons(result: Segmentation, target: Path) -> Files:
    """target.geojson of a result in memory."""
    refuse_nameless(result.georeference, result.source or target.name)
    return write_geojson(mosaic_of(result), target)


def _where_known(result: Segmentation, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(…, H, W): void where the labels are void."""
    void = np.uint8(result.classes.void)
    return np.where(result.label_map == void, void, values)


def _written(write: Callable[[Mosaic, Path], Files]) -> Callable[[Segmentation, Path], Files]:
    return lambda result, target: write(mosaic_of(result), target)


def mosaic_of(result: Segmentation) -> Mosaic:
    size = result.label_map.shape[0], result.label_map.shape[1]
    return Mosaic(
        size, result.classes, result.georeference, result.label_map.__getitem__, result.image.__getitem__,
        asked=result.asked,
    )  # fmt: skip


def _all(result: Segmentation) -> Part:
    height, width = result.label_map.shape
    return slice(0, height), slice(0, width)


GEOREFERENCED_WRITERS: dict[str, Callable[[Segmentation, Path], Files]] = {
    "labels": write_labels, "scores": write_scores, "confidence": write_confidence,
    **{name: _written(write) for name, write in MOSAIC_WRITERS.items()}, "polygons": write_polygons,
}  # fmt: skip
