"""Whether probabilities are what they say, and the temperature that makes them so (Guo et al. 2017, arXiv 1706.04599).

Of the pixels that a calibrated model gives a probability of 0.8, four in five are right. Scores are divided by one
number, the temperature, before the softmax: labels stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.data.dataset import LabelMap, Sample
from fullconv.errors import FullconvError
from fullconv.prediction.predictor import Model
from fullconv.softness import confidence
from fullconv.view import Pixels

BINS = 15  # of equal width, by which confidence and accuracy are compared
MOST = 500  # pictures, at equal distances where there are more: one number needs no hours
POINTS = 1000  # pixels of each picture that the temperature is fitted to
SIDE = 1024  # pixels: of larger pictures that are not reduced only the middle is looked at
SEED = 0  # of the halves
COLDEST, HOTTEST = 0.2, 5.0
STEPS = 20  # of the bisection: a millionth of the range

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """`temperature` was fitted to some pictures; the errors are those of others, with temperature 1 and with it."""

    temperature: float
    error_before: float
    error_after: float
    fitted_on: int
    measured_on: int

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bins": BINS}


@dataclass
class Reliability:
    """Pixels by their confidence: of each bin (pixels, right ones, sum of confidences)."""

    bins: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))

    def add(self, sure: NDArray[np.float32], right: NDArray[np.bool_]) -> None:
        """Confidences and whether these pixels are right, both (n,)."""
        place = np.minimum((sure * BINS).astype(np.intp), BINS - 1)
        for row, weights in enumerate((None, right, sure)):
            self.bins[row] += np.bincount(place, weights, BINS)

    @property
    def error(self) -> float:
        """Expected calibration error, 0–1: how far confidence and accuracy of a bin lie apart, the mean over pixels."""
        pixels, right, sure = self.bins
        return float(np.abs(right - sure).sum() / pixels.sum())


@dataclass(frozen=True)
class Looked:
    """What the model says of a picture: labels at its own size, scores (C, h, w) as the network saw it."""

    truth: LabelMap
    label_map: LabelMap
    scores: Scores


def calibrate(model: Model, samples: Sequence[Sample]) -> Calibration | None:
    """Fits a temperature to one half of the pictures and measures it on the other; pictures that cannot be read are
    left out. None where a half has no labelled pixel."""
    to_fit, to_measure = halves(samples)
    fitted, points = 0, []
    for looked in seen_by(model, to_fit):
        found = points_of(looked, model.classes.void)
        fitted += bool(len(found[1]))
        points.append(found)
    if not fitted:
        return None
    scores, truth = (np.concatenate(parts) for parts in zip(*points, strict=True))
    temperature = fit(scores, truth)
    measured, before, after = 0, Reliability(), Reliability()
    for looked in seen_by(model, to_measure):
        known = looked.truth != model.classes.void
        right = (looked.label_map == looked.truth)[known]
        for reliability, heat in ((before, 1.0), (after, temperature)):
            reliability.add(sureness(looked, heat)[known], right)
        measured += bool(known.any())
    if not measured:
        return None
    return Calibration(temperature, before.error, after.error, fitted, measured)


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The same for the same pictures, always."""
    chosen = [samples[i * len(samples) // MOST] for i in range(MOST)] if len(samples) > MOST else list(samples)
    order = np.random.default_rng(SEED).permutation(len(chosen))
    middle = len(chosen) // 2
    return [chosen[i] for i in sorted(order[:middle])], [chosen[i] for i in sorted(order[middle:])]


def seen_by(model: Model, samples: Iterable[Sample]) -> Iterable[Looked]:
    for sample in samples:
        try:
            seen, truth = sample.see(model.view)
        except FullconvError:
            continue  # scoring has told of it
        image = seen.image
        if model.config.longest_side_of(seen.keeps_scale) is None:
            image, truth = middle_of(image), middle_of(truth)
        label_map, scores = model.label(image, scores=True, keeps_scale=seen.keeps_scale, as_seen=True)
        assert scores is not None
        yield Looked(truth, label_map, scores)


def middle_of(plane: Pixels) -> Any:
    """(H, W, …) → at most SIDE rows and columns."""
    top, left = (max(0, length - SIDE) // 2 for length in plane.shape[:2])
    return plane[top : top + SIDE, left : left + SIDE]


def sureness(looked: Looked, temperature: float) -> NDArray[np.float32]:
    """(H, W): what `result.confidence` is."""
    return confidence(looked.scores, (looked.truth.shape[0], looked.truth.shape[1]), temperature)


def points_of(looked: Looked, void: int) -> tuple[Scores, NDArray[np.int64]]:
    """(scores (n, C), true classes (n,)) of some pixels as the network saw them, spread evenly over those labelled."""
    truth = at_points(looked.truth, (looked.scores.shape[1], looked.scores.shape[2])).ravel()
    known = np.flatnonzero(truth != void)
    chosen = known[np.linspace(0, len(known) - 1, min(POINTS, len(known))).astype(np.intp)]
    scores = looked.scores.reshape(len(looked.scores), -1)
    return scores[:, chosen].T, truth[chosen].astype(np.int64)


def at_points(truth: LabelMap, size: tuple[int, int]) -> LabelMap:
    """(H, W) → (h, w): the label in the middle of each point of the smaller grid."""
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(np.intp)
        for small, large in zip(size, truth.shape, strict=True)
    )
    return truth[np.ix_(rows, columns)]


def fit(scores: Scores, truth: NDArray[np.int64]) -> float:
    """The temperature of the least cross-entropy, for scores (n, C) and true classes (n,).

    Cross-entropy is convex in one over the temperature, so the sign of its slope says which way to go.
    """
    true_scores = float(scores[np.arange(len(truth)), truth].mean(dtype=np.float64))
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        if expected_score(scores, float(np.exp(middle))) > true_scores:
            low = middle  # surer than it is right
        else:
            high = middle
    return round(float(np.exp((low + high) / 2)), 3)


def expected_score(scores: Scores, temperature: float) -> float:
    """The mean of the scores, each weighted by its probability."""
    powers = np.exp((scores - scores.max(1, keepdims=True)) / temperature)
    return float(((powers * scores).sum(1) / powers.sum(1)).mean(dtype=np.float64))
