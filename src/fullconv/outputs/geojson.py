"""Writes GeoJSON: a polygon per connected region, exact along pixel borders, so that neighbours share theirs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fullconv.outputs.file import Files, text
from fullconv.outputs.regions import Region, regions
from fullconv.segmentation import Segmentation

COORDINATES = "pixels: origin at the top left corner of the picture, x to the right, y down"


def write_polygons(result: Segmentation, target: Path) -> Files:
    """target.geojson with all classes, including background. Pixels of no class are in no polygon."""
    return {".geojson": text(lambda: as_text(result, features(result)))}


def as_text(result: Segmentation, features: Iterable[dict[str, Any]]) -> str:
    """Returns a FeatureCollection with a line per region. Its header states the unit of the coordinates."""
    height, width = result.label_map.shape
    head = {"type": "FeatureCollection", "coordinates_in": COORDINATES, "width": width, "height": height}
    lines = [json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features]
    return json.dumps(head)[:-1] + ', "features": [\n' + ",\n".join(lines) + "\n]}\n"


def features(result: Segmentation) -> Iterator[dict[str, Any]]:
    """Yields regions in the order of their first pixels, row by row."""
    for region in regions(result.label_map):
        if region.value < len(result.classes) and result.wants(region.value):
            rings = [ring.corners() for ring in (region.outline, *region.holes)]
            yield feature(region, result.classes.names[region.value], rings)


def feature(region: Region, name: str, rings: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """`rings`: the corners (N, 2) of its outline, then of its holes."""
    return {
        "type": "Feature",
        "properties": {"class": name, "index": region.value, "area": region.area},
        "geometry": {"type": "Polygon", "coordinates": [closed(ring) for ring in rings]},
    }


def closed(ring: NDArray[Any]) -> list[list[float]]:
    """[x, y] of the corners. The first is repeated at the end, as GeoJSON requires. With x and y as they are, outlines
    run counter-clockwise and holes clockwise, as in RFC 7946."""
    corners: list[list[float]] = ring.tolist()
    return [*corners, corners[0]]
