"""Scores for structures a few pixels wide, for which an outline that is one pixel off halves the IoU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes, LabelMap
from fullconv.evaluation.thinning import skeleton
from fullconv.metrics import Counts

TOLERANCE = 2  # pixels, from centre to centre

Mask = NDArray[np.bool_]


@dataclass
class ThinScores:
    """Counts over a whole data set, by class: right pixels and all pixels of the prediction, then of the truth.

    `near`: pixels within TOLERANCE of the other mask. `centre`: pixels of the skeleton that lie on the other mask.
    """

    classes: Classes
    near: Counts = field(init=False)  # (classes, 4)
    centre: Counts = field(init=False)  # (classes, 4)

    def __post_init__(self) -> None:
        self.near = np.zeros((len(self.classes), 4), np.int64)
        self.centre = np.zeros((len(self.classes), 4), np.int64)

    def add(self, truth: LabelMap, prediction: LabelMap) -> None:
        """Adds one image, given as two (H, W) label maps. Predictions on void are left out."""
        known = truth != self.classes.void
        for index in np.union1d(truth[known], prediction[known]):
            claimed, actual = (prediction == index) & known, truth == index
            self.near[index] += hits(claimed, near(actual)) + hits(actual, near(claimed))
            self.centre[index] += hits(skeleton(claimed), actual) + hits(skeleton(actual), claimed)

    def report(self) -> dict[str, Any]:
        """The scores as in `fullconv evaluate --thin --json`. None for a class that is absent from truth and
        prediction."""
        rows = zip(self.classes.names, self.near.tolist(), self.centre.tolist(), strict=True)
        return {"tolerance": TOLERANCE, "per_class": {name: scores(near, centre) for name, near, centre in rows}}


def hits(mask: Mask, target: Mask) -> tuple[int, int]:
    """(pixels of `mask` on `target`, pixels of `mask`)."""
    return int(np.count_nonzero(mask & target)), int(np.count_nonzero(mask))


def near(mask: Mask, reach: int = TOLERANCE) -> Mask:
    """Returns the pixels at a Euclidean distance of at most `reach` from a pixel of `mask`."""
    height, width = mask.shape
    padded, found = np.pad(mask, reach), np.zeros_like(mask)
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            if x * x + y * y <= reach * reach:
                found |= padded[reach + y : reach + y + height, reach + x : reach + x + width]
    return found


def scores(near: list[int], centre: list[int]) -> dict[str, float | None]:
    """Precision, recall and F1 within the tolerance; clDice (arXiv 2003.07177) is the same mean of its two parts."""
    return {"precision": _share(*near[:2]), "recall": _share(*near[2:]), "f1": _mean(*near), "cldice": _mean(*centre)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(right: int, claimed: int, found: int, actual: int) -> float | None:
    """The harmonic mean. It is 0 for a class that only the truth or only the prediction has, like its IoU."""
    if not claimed and not actual:
        return None
    precision, recall = _share(right, claimed) or 0.0, _share(found, actual) or 0.0
    return 2 * precision * recall / (precision + recall) if right and found else 0.0
