"""Measures calibration, and fits the temperature that corrects it (Guo et al. 2017, arXiv 1706.04599).

Of the pixels to which a calibrated model gives a probability of 0.8, four in five are right. Scores are divided by one
number, the temperature, before the softmax. This does not change the labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import LabelMap
from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError
from fullconv.prediction.predictor import Model
from fullconv.softness import confidence
from fullconv.view import Pixels

BINS = 15  # of equal width, in which confidence and accuracy are compared
MOST = 500  # pictures at most, at equal distances; one number does not need more
POINTS = 1000  # pixels of each picture that the temperature is fitted to
SIDE = 1024  # pixels; only the centre of larger pictures is used, unless they are reduced
SEED = 0  # for dividing the pictures into halves
COLDEST, HOTTEST = 0.2, 5.0
STEPS = 20  # of the bisection: a millionth of the range

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """`temperature` was fitted to some pictures. The errors are those of others, with temperature 1 and with this
    one. `kept` is the temperature that has the smaller error there."""

    temperature: float
    error_before: float
    error_after: float
    fitted_on: int
    measured_on: int

    @property
    def kept(self) -> float:
        """A temperature that is fitted to a few pictures can make others worse."""
        return self.temperature if self.error_after < self.error_before else 1.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bins": BINS}


@dataclass
class Reliability:
    """Pixels by their confidence: per bin (pixels, right ones, sum of confidences)."""

    bins: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))

    def add(self, sure: NDArray[np.float32], right: NDArray[np.bool_]) -> None:
        """Adds the confidences of pixels, and whether they are right, both (n,)."""
        place = np.minimum((sure * BINS).astype(np.intp), BINS - 1)
        for row, weights in enumerate((None, right, sure)):
            self.bins[row] += np.bincount(place, weights, BINS)

    @property
    def error(self) -> float:
        """The expected calibration error, 0–1: the mean over pixels of the distance between confidence and accuracy of
        their bin."""
        pixels, right, sure = self.bins
        return float(np.abs(right - sure).sum() / pixels.sum())


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for a picture: labels at its own size, scores (C, h, w) at the size that the network saw."""

    truth: LabelMap
    label_map: LabelMap
    scores: Scores


def calibrate(model: Model, samples: Sequence[Sample]) -> Calibration | None:
    """Fits a temperature to one half of the pictures and measures it on the other. Leaves out pictures that cannot be
    read. Returns None if a half has no labelled pixel."""
    to_fit, to_measure = halves(samples)
    fitted, points = 0, []
    for prediction in predictions(model, to_fit):
        found = points_of(prediction, model.classes.void)
        fitted += bool(len(found[1]))
        points.append(found)
    if not fitted:
        return None
    scores, truth = (np.concatenate(parts) for parts in zip(*points, strict=True))
    temperature = fit(scores, truth)
    measured, before, after = 0, Reliability(), Reliability()
    for prediction in predictions(model, to_measure):
        known = prediction.truth != model.classes.void
        right = (prediction.label_map == prediction.truth)[known]
        for reliability, heat in ((before, 1.0), (after, temperature)):
            reliability.add(sureness(prediction, heat)[known], right)
        measured += bool(known.any())
    if not measured:
        return None
    return Calibration(temperature, before.error, after.error, fitted, measured)


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Divides the pictures in two. The result is always the same for the same pictures."""
    chosen = [samples[i * len(samples) // MOST] for i in range(MOST)] if len(samples) > MOST else list(samples)
    order = np.random.default_rng(SEED).permutation(len(chosen))
    middle = len(chosen) // 2
    return [chosen[i] for i in sorted(order[:middle])], [chosen[i] for i in sorted(order[middle:])]


def predictions(model: Model, samples: Iterable[Sample]) -> Iterable[Prediction]:
    for sample in samples:
        try:
            seen, truth = sample.see(model.view)
        except FullconvError:
            continue  # scoring has reported it
        image = seen.image
        if model.config.longest_side_of(seen.keeps_scale) is None:
            image, truth = middle_of(image), middle_of(truth)
        label_map, scores = model.label(image, scores=True, keeps_scale=seen.keeps_scale, as_seen=True)
        assert scores is not None
        yield Prediction(truth, label_map, scores)


def middle_of(plane: Pixels) -> Any:
    """(H, W, …) → at most SIDE rows and columns."""
    top, left = (max(0, length - SIDE) // 2 for length in plane.shape[:2])
    return plane[top : top + SIDE, left : left + SIDE]


def sureness(prediction: Prediction, temperature: float) -> NDArray[np.float32]:
    """(H, W): the same as `result.confidence`."""
    return confidence(prediction.scores, (prediction.truth.shape[0], prediction.truth.shape[1]), temperature)


def points_of(prediction: Prediction, void: int) -> tuple[Scores, NDArray[np.int64]]:
    """Returns (scores (n, C), true classes (n,)) of some pixels at the size that the network saw, spread evenly over
    the labelled ones."""
    truth = at_points(prediction.truth, (prediction.scores.shape[1], prediction.scores.shape[2])).ravel()
    known = np.flatnonzero(truth != void)
    chosen = known[np.linspace(0, len(known) - 1, min(POINTS, len(known))).astype(np.intp)]
    scores = prediction.scores.reshape(len(prediction.scores), -1)
    return scores[:, chosen].T, truth[chosen].astype(np.int64)


def at_points(truth: LabelMap, size: tuple[int, int]) -> LabelMap:
    """(H, W) → (h, w): the label at the centre of each point of the smaller grid."""
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(np.intp)
        for small, large in zip(size, truth.shape, strict=True)
    )
    return truth[np.ix_(rows, columns)]


def fit(scores: Scores, truth: NDArray[np.int64]) -> float:
    """Returns the temperature with the lowest cross-entropy, for scores (n, C) and true classes (n,).

    Cross-entropy is convex in the inverse of the temperature, so the sign of its slope gives the direction.
    """
    true_scores = float(scores[np.arange(len(truth)), truth].mean(dtype=np.float64))
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        if expected_score(scores, float(np.exp(middle))) > true_scores:
            low = middle  # it is overconfident
        else:
            high = middle
    return round(float(np.exp((low + high) / 2)), 3)


def expected_score(scores: Scores, temperature: float) -> float:
    """Returns the mean of the scores, each weighted by its probability."""
    powers = np.exp((scores - scores.max(1, keepdims=True)) / temperature)
    return float(((powers * scores).sum(1) / powers.sum(1)).mean(dtype=np.float64))
