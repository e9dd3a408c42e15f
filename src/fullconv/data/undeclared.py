"""Finds nodata values that a raster does not declare, such as -9999, so that they count as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.view import Picture, known_bands, known_values, measured
from fullconv.words import counted

SHARE = 0.01  # of the values of a band
SPANS = 10  # how far it lies from all others, in units of their own span
USUAL_SPANS = 0.25  # the same for a usual nodata value
LARGEST = float(np.finfo(np.float32).max)
USUAL = frozenset([-999.0, -9999.0, -99999.0, -32767.0, -32768.0, 1e20, float(np.float32(1e20)), LARGEST, -LARGEST])
LEVELS = 16  # other values; drawings have fewer, and any distances
SAMPLES = 2**16  # of the other values, to count their levels


def undeclared_nodata(picture: Picture) -> float | None:
    """Returns the smallest or largest value of a band with more than 8 bits if it is frequent and lies far from all
    others. 0 is often the background, so it is never returned. Bands can have different units: each is looked at
    alone."""
    if not picture.is_deep:
        return None
    known = known_values(picture.values, picture.known)
    bands = range(picture.values.shape[2])
    found = (_of_band(measured(picture.values[..., [i]], known_bands(known, (i + 1,)))) for i in bands)
    return next((value for value in found if value is not None), None)


def _of_band(values: NDArray[Any]) -> float | None:
    for end in (values.min(), values.max()) if values.size else ():
        found = values == end
        if end and found.mean() >= SHARE and _is_far(float(end), values[~found]):
            return float(end)
    return None


def _is_far(end: float, others: NDArray[Any]) -> bool:
    if len(np.unique(others[:: len(others) // SAMPLES + 1])) < LEVELS:
        return False
    low, high = float(others.min()), float(others.max())
    return max(low - end, end - high) > (USUAL_SPANS if end in USUAL else SPANS) * (high - low)


def nodata_text(values: Sequence[float]) -> tuple[str, str]:
    """Returns (what was found, how to correct it). `values`: that of each picture concerned, at least one."""
    value = f"{Counter(values).most_common(1)[0][0]:.8g}"
    images = counted(len(values), "image")
    text = f"{images} with many pixels of {value}, far from all other values: undeclared nodata counts as a value"
    return text, f"gdal_edit.py -a_nodata {value} FILE  # or: rio edit-info --nodata {value} FILE"
