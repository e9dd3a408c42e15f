"""Mean and standard deviation of the channels, over all pixels of the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from fullconv.data.doctor.scan import Facts


@dataclass(frozen=True)
class Channels:
    """By channel, in the images' own unit (0–255 for 8 bits)."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {"mean": list(self.mean), "deviation": list(self.deviation)}


def channels(facts: Iterable[Facts]) -> Channels | None:
    """Exact for integer images: sums of integers, divided once. None where no image, or not all of one kind."""
    images = [each.image for each in facts if each.image]
    if len({len(image.sums) for image in images}) != 1:
        return None
    pixels = sum(image.size[0] * image.size[1] for image in images)
    sums = [sum(values) for values in zip(*(image.sums for image in images), strict=True)]
    squares = [sum(values) for values in zip(*(image.squares for image in images), strict=True)]
    spread = [sqrt(max(0, pixels * q - s * s)) / pixels for s, q in zip(sums, squares, strict=True)]
    return Channels(tuple(s / pixels for s in sums), tuple(spread))
