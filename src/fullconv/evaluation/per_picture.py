"""How well each picture of a set was segmented, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes
from fullconv.data.dataset import Sample
from fullconv.metrics import Counts, ious


@dataclass(frozen=True)
class PictureScore:
    """`iou` (classes,) is NaN for classes absent from the picture's truth and prediction; void never counts.

    `confused` is the most common error: (true class, predicted class, pixels), None where there is none.
    """

    sample: Sample
    iou: NDArray[np.float64]
    confused: tuple[int, int, int] | None

    @property
    def mean_iou(self) -> float:
        """Over the classes of the picture. NaN where all of its truth is void."""
        return float("nan") if np.isnan(self.iou).all() else float(np.nanmean(self.iou))

    def to_json(self, root: Path, classes: Classes) -> dict[str, Any]:
        """The file (from `root`, where it lies below it), its mean IoU, and its most common error by name."""
        path = self.sample.image_path
        file = path.relative_to(root) if path.is_relative_to(root) else path
        line: dict[str, Any] = {"file": file.as_posix(), "mean_iou": self.mean_iou, "confused": None}
        if self.confused:
            truth, prediction, pixels = self.confused
            line["confused"] = {
                "truth": classes.names[truth], "prediction": classes.names[prediction], "pixels": pixels,
            }  # fmt: skip
        return line


def score_of(sample: Sample, counts: Counts) -> PictureScore:
    """From the picture's own matrix, rows truth."""
    errors = counts - np.diag(np.diag(counts))
    truth, prediction = np.unravel_index(errors.argmax(), errors.shape)
    pixels = int(errors[truth, prediction])
    return PictureScore(sample, ious(counts), (int(truth), int(prediction), pixels) if pixels else None)


def ranked(pictures: Sequence[PictureScore]) -> list[PictureScore]:
    """The worst first; pictures without any truth left out. Equals keep the set's order."""
    return sorted((picture for picture in pictures if not np.isnan(picture.iou).all()), key=lambda one: one.mean_iou)
