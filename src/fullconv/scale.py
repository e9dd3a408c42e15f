"""Tells whether the values of a picture are on another scale than the range of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 128  # rows and columns of a part that are looked at, so that it takes about a millisecond
END = 16  # the lowest and the highest sixteenth of the range
NEARLY_ALL = 0.999  # dark scenes usually have more bright pixels than this leaves


@dataclass
class Tally:
    """How many of the `values` seen so far lie near the low end of the range or below it, and how many near the high
    end or above it. `smallest` and `largest` are of all of them."""

    values: int = 0
    low: int = 0
    high: int = 0
    smallest: float = np.inf
    largest: float = -np.inf

    def add(
        self, values: NDArray[Any], known: NDArray[np.bool_] | None, ranges: tuple[tuple[float, float], ...]
    ) -> None:
        """Counts (H, W, C) values at equal distances, where they are `known`: (H, W, C or 1)."""
        rows, columns = (slice(None, None, -(-length // SAMPLES) or 1) for length in values.shape[:2])
        some = values[rows, columns]
        counted = np.broadcast_to(np.True_ if known is None else known[rows, columns], some.shape)
        if not counted.any():
            return
        low, high = np.array(ranges).T
        margin = (high - low) / END
        self.values += int(counted.sum())
        self.low += int(((some <= low + margin) & counted).sum())
        self.high += int(((some >= high - margin) & counted).sum())
        self.smallest = min(self.smallest, float(some[counted].min()))
        self.largest = max(self.largest, float(some[counted].max()))

    def note(self, shown: str) -> str:
        """Returns the note for the user, or "" if the values may well be on the scale of the range (`shown`). A
        picture of a single value says nothing about its scale."""
        if self.smallest >= self.largest or max(self.low, self.high) < NEARLY_ALL * self.values:
            return ""
        end = f"lowest 1/{END} of the model's range {shown}, or below it"
        if self.high > self.low:
            end = f"highest 1/{END} of the model's range {shown}, or above it"
        return f"nearly all values are in the {end}: is this the scale that it was trained on?"
