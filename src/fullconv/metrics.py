"""An integer confusion matrix, from which all metrics are computed (paper, section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes
from fullconv.errors import FullconvError

Counts = NDArray[np.int64]
BOUNDARY_WIDTH = 0.02  # of the image's diagonal (Boundary IoU, arXiv 2103.16562)


@dataclass
class Confusion:
    """Pixel counts over a whole data set: `matrix[t, p]` is the number of pixels of class t predicted as p."""

    classes: Classes
    matrix: Counts = field(init=False)
    boundary: Counts = field(init=False)  # (classes, 2): intersection and union of the boundary bands

    def __post_init__(self) -> None:
        n = len(self.classes)
        self.matrix = np.zeros((n, n), np.int64)
        self.boundary = np.zeros((n, 2), np.int64)

    def add(self, truth: NDArray[np.integer], prediction: NDArray[np.integer]) -> Counts:
        """Adds one image, given as two (H, W) label maps, and returns its own matrix. Pixels whose truth is void never
        count. Raises FullconvError if the sizes differ, or if a value is not a class."""
        truth, prediction = _integers(truth, "truth"), _integers(prediction, "prediction")
        if truth.shape != prediction.shape:
            raise FullconvError(f"truth is {truth.shape}, prediction {prediction.shape}; predict at the source's size")
        known = truth != self.classes.void
        _refuse_foreign(truth[known], "truth", self.classes)
        _refuse_foreign(prediction[known], "prediction", self.classes)
        counts = confusion(truth[known], prediction[known], len(self.classes))
        self.matrix += counts
        width = max(1, round(BOUNDARY_WIDTH * float(np.hypot(*truth.shape))))
        for index in np.union1d(truth[known], prediction[known]):
            actual = inner_boundary((truth == index) & known, width)
            claimed = inner_boundary((prediction == index) & known, width)
            self.boundary[index] += (np.count_nonzero(actual & claimed), np.count_nonzero(actual | claimed))
        return counts

    def report(self) -> dict[str, Any]:
        """The metrics, 0–1, or None if there was nothing to measure; keys as in `fullconv evaluate --json`."""
        hits, truth = np.diag(self.matrix), self.matrix.sum(1)
        iou, accuracy = ious(self.matrix), _ratio(hits, truth)
        per_class = {
            name: {"iou": _value(iou[i]), "accuracy": _value(accuracy[i]), "pixels": int(truth[i])}
            for i, name in enumerate(self.classes.names)
        }
        return {
            "pixel_accuracy": _value(_ratio(hits.sum(), truth.sum())),
            "mean_accuracy": _mean(accuracy),
            "mean_iou": _mean(iou),
            "frequency_weighted_iou": _value(_ratio((truth * np.nan_to_num(iou)).sum(), truth.sum())),
            "boundary_iou": _mean(_ratio(self.boundary[:, 0], self.boundary[:, 1])),
            "per_class": per_class,
            "confusion": self.matrix.tolist(),
        }


def _integers(values: Any, what: str) -> NDArray[np.integer]:
    """Returns class indices as an array. Raises FullconvError for numbers of another kind, such as probabilities."""
    array = np.asarray(values)
    if array.dtype.kind not in "biu":
        raise FullconvError(f"{what} has type {array.dtype}; give class indices as integers, such as uint8")
    return array.view(np.uint8) if array.dtype == bool else array


def _refuse_foreign(values: NDArray[np.integer], what: str, classes: Classes) -> None:
    """Raises FullconvError for a value that is not a class. It would be counted as another one."""
    if values.size and not 0 <= values.min() <= values.max() < len(classes):
        foreign = values[(values < 0) | (values >= len(classes))][0]
        raise FullconvError(
            f"{what} holds {foreign}, but the classes are 0 to {len(classes) - 1}; void ({classes.void}) is allowed "
            "only in the truth"
        )


def confusion(truth: NDArray[np.integer], prediction: NDArray[np.integer], n: int) -> Counts:
    """Returns (n, n) counts, one row per true class, exact for any number of pixels."""
    pairs = truth.astype(np.int64) * n + prediction
    return np.bincount(pairs.ravel(), minlength=n * n).reshape(n, n).astype(np.int64)


def ious(matrix: Counts) -> NDArray[np.float64]:
    """(classes,): intersection over union of each; NaN for a class absent from both truth and prediction."""
    hits = np.diag(matrix)
    return _ratio(hits, matrix.sum(1) + matrix.sum(0) - hits)


def inner_boundary(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels of `mask` that lie within `width` pixels (chessboard distance) of its outside or of the frame."""
    size = 2 * width + 1
    inside = runs_of(runs_of(np.pad(mask, width), size).T, size).T
    return mask & ~inside


def runs_of(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """(H, W) → (H - size + 1, W): whether a pixel and the `size` - 1 pixels below it are set. Each step doubles the
    height that is covered."""
    span = 1
    while span < size:
        step = min(span, size - span)
        mask = mask[:-step] & mask[step:]
        span += step
    return mask


def _ratio(part: Any, whole: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)


def _mean(values: NDArray[np.float64]) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _value(number: Any) -> float | None:
    return None if np.isnan(number) else float(number)
