"""How well each picture of a set was segmented, and its most common error."""

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
    """`iou` (classes,) is NaN for classes absent from the picture's truth and prediction. Void never counts.

    `confused` is the most common error: (true class, predicted class, pixels), or None.
    """

    sample: Sample
    iou: NDArray[np.float64]
    confused: tuple[int, int, int] | None

    @property
    def mean_iou(self) -> float:
        """The mean over the classes of the picture. NaN if all of its truth is void."""
        return float("nan") if np.isnan(self.iou).all() else float(np.nanmean(self.iou))

    def to_json(self, root: Path, classes: Classes) -> dict[str, Any]:
        """The file (relative to `root`, if it lies below it), its mean IoU, and its most common error by name."""
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
    """Computes the score from the picture's own matrix, with a row per true class."""
    errors = counts - np.diag(np.diag(counts))
    truth, prediction = np.unravel_index(errors.argmax(), errors.shape)
    pixels = int(errors[truth, prediction])
    return PictureScore(sample, ious(counts), (int(truth), int(prediction), pixels) if pixels else None)


def ranked(pictures: Sequence[PictureScore]) -> list[PictureScore]:
    """Returns the pictures, worst first, without those that have no truth. Equal ones keep the order of the set."""
    return sorted((picture for picture in pictures if not np.isnan(picture.iou).all()), key=lambda one: one.mean_iou)
