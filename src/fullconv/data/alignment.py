"""Finds masks that are all shifted alike against their pictures: edges then lie beside the borders of the masks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.classes import VOID, LabelMap
from fullconv.data.dataset import Sample
from fullconv.data.masks import Lookup
from fullconv.view import Pixels, size_with_side
from fullconv.words import counted

PICTURES = 40  # compared at most
FEWEST = 8  # with borders; fewer say nothing
SIDE = 256  # pixels that the longer side is reduced to
REACH = 20  # reduced pixels: the largest shift looked for, in both directions
SMALLEST = 3 * REACH  # shorter side of a picture that is compared
BORDER = 64  # border pixels that a mask needs
NEAR = 3  # reduced pixels: borders are rarely drawn more exactly
BAND = 8  # reduced pixels: half the width of the void along a border
BLOCK = 16  # reduced pixels over which edges are made equally strong
STRONGEST = 95  # percentile; stronger edges count no more than this
FLOOR = 0.3  # of the mean strength: edges weaker than this are not made as strong as others
# What a shift needs to be reported. docs/check.md says how far real data are from these numbers.
STANDS_OUT = 6.0  # standard deviations above the scores of other shifts
ABOVE_REST = 0.3  # share of its height that it is above no shift and above any shift to the other side
CERTAINTY = 4.0  # standard errors, over the pictures, of the same difference
AGREEING = 0.65  # share of the pictures in which it is above 0
REMEDY = (
    "look at them with fullconv check … --sheet sheet.png; if it is so, export the masks again with the crop, size and "
    "origin of the pictures, or move them back"
)

ShiftScores = NDArray[np.float32]  # (2 * REACH + 1,) * 2: the score of each shift of the mask, (0, 0) in the middle
Edges = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How strong the edges of one picture are under the borders of its mask, for each shift. Both were reduced
    by `factor`."""

    window: ShiftScores
    factor: float


@dataclass(frozen=True, slots=True)
class Shift:
    """By how many pixels of the full size the masks lie too far down and to the right, and for each picture whether it
    shows this."""

    down: int
    right: int
    agreeing: tuple[bool, ...]

    @property
    def text(self) -> str:
        agreeing = f"{sum(self.agreeing)} of {counted(len(self.agreeing), 'picture')} compared"
        return f"the masks look shifted by about {self._words} against their pictures ({agreeing} show it)"

    @property
    def _words(self) -> str:
        """Returns "8 pixels to the right and 3 up"."""
        moves = ((self.right, "to the right", "to the left"), (self.down, "down", "up"))
        (first, where), *rest = [(abs(n), ahead if n > 0 else back) for n, ahead, back in moves if n]
        return " and ".join([f"{counted(first, 'pixel')} {where}", *(f"{n} {direction}" for n, direction in rest)])


def chosen(samples: Sequence[Sample]) -> frozenset[Path]:
    """The pictures to compare: the same ones each time."""
    paths = list(dict.fromkeys(sample.image_path for sample in samples))
    return frozenset(random.Random(0).sample(paths, min(PICTURES, len(paths))))


def edges_of(image: Pixels) -> Edges | None:
    """The edges of a picture at reduced size, about equally strong everywhere, 0 on average."""
    height, width = size_with_side(image.shape[:2], min(SIDE, max(image.shape[:2])))
    if min(height, width) < SMALLEST:
        return None
    grey = _grey(image, (width, height))
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    strength = np.minimum(strength, np.percentile(strength, STRONGEST))
    around = Image.fromarray(strength.astype(np.float32)).resize(
        (width // BLOCK, height // BLOCK), Image.Resampling.BOX
    )
    smooth = np.asarray(around.resize((width, height), Image.Resampling.BILINEAR))
    even = strength / (smooth + FLOOR * strength.mean() + 1e-6)
    return (even - even.mean()) / (even.std() + 1e-6)


def _grey(image: Pixels, size: tuple[int, int]) -> Edges:
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX).convert("L"), np.float64)
    mean = np.nan_to_num(image.mean(2, dtype=np.float64), posinf=0, neginf=0).astype(np.float32)
    return np.asarray(Image.fromarray(mean).resize(size, Image.Resampling.BOX), np.float64)


def labels_of(values: LabelMap, lookup: Lookup | None = None) -> LabelMap:
    """The label map at the size of `edges_of`. Void along a border is divided between its neighbours: the object ends
    somewhere in it. Values that are no class are void."""
    small = size_with_side(values.shape, min(SIDE, max(values.shape)))
    rows, columns = (
        ((np.arange(count) + 0.5) * side / count).astype(np.intp)
        for count, side in zip(small, values.shape, strict=True)
    )
    labels = values[np.ix_(rows, columns)]
    labels = labels if lookup is None else lookup.astype(np.uint8)[labels]
    for _ in range(BAND if (labels == VOID).any() else 0):
        labels = _grown(labels)
    return labels


def _grown(labels: LabelMap) -> LabelMap:
    """Gives void pixels the label of a neighbour."""
    padded = np.pad(labels, 1, constant_values=VOID)
    grown = labels.copy()
    for near in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        np.copyto(grown, near, where=grown == VOID)
    return grown


def _borders(labels: LabelMap) -> NDArray[np.float64]:
    """How many borders with pixels below, above and beside it each pixel has."""
    found = np.zeros(labels.shape)
    below, beside = _differ(labels[1:], labels[:-1]), _differ(labels[:, 1:], labels[:, :-1])
    for part, borders in ((found[1:], below), (found[:-1], below), (found[:, 1:], beside), (found[:, :-1], beside)):
        np.add(part, borders, out=part)
    return found


def _differ(one: LabelMap, other: LabelMap) -> NDArray[np.bool_]:
    return (one != other) & (one != VOID) & (other != VOID)


def align(edges: Edges | None, labels: LabelMap | None, width: int) -> Alignment | None:
    """Moves the borders over the edges. None if there are too few borders, or the sizes differ."""
    if edges is None or labels is None or edges.shape != labels.shape:
        return None
    borders = _borders(labels)
    if np.count_nonzero(borders) < BORDER:
        return None
    return Alignment(_window(edges, borders), width / labels.shape[1])


def _window(edges: Edges, borders: NDArray[np.float64]) -> ShiftScores:
    """The mean of the edges under the moved borders, as far as they stay in the picture."""
    shape = (edges.shape[0] + REACH, edges.shape[1] + REACH)
    product = np.fft.rfft2(edges, shape) * np.conj(np.fft.rfft2(borders, shape))
    sums = np.roll(np.fft.irfft2(product, shape), (REACH, REACH), (0, 1))[: 2 * REACH + 1, : 2 * REACH + 1]
    held = _held(borders)
    return np.where(held > 0.25 * borders.sum(), sums / np.maximum(held, 1), 0).astype(np.float32)


def _held(borders: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the borders that each shift leaves in the picture."""
    sums = np.pad(borders, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    moves = np.arange(-REACH, REACH + 1)
    (top, bottom), (left, right) = ((np.maximum(0, -moves), side - np.maximum(0, moves)) for side in borders.shape)
    return sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)] + sums[np.ix_(top, left)]


def shift_of(alignments: Sequence[Alignment]) -> Shift | None:
    """The shift that all masks have in common. None if there is none, or if it is not certain."""
    if len(alignments) < FEWEST:
        return None
    windows = np.stack([each.window for each in alignments])
    scores = windows.mean(0)
    best = _place(scores)
    other = _place(np.where(_other_side(best), scores, -np.inf))
    gains = windows[:, *best] - windows[:, *other]
    if not (_is_a_shift(best) and _stands_out(scores, best, other) and _agree(gains)):
        return None
    factor = median(each.factor for each in alignments)
    down, right = (round((REACH - place) * factor) for place in best)  # the borders must move the other way
    return Shift(down, right, tuple((gains > 0).tolist()))


def _place(scores: NDArray[np.floating]) -> tuple[int, int]:
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return row, column


def _moves() -> NDArray[np.intp]:
    """(2, rows, columns): the shift at each place of a window."""
    return np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]


def _other_side(best: tuple[int, int]) -> NDArray[np.bool_]:
    """No shift, and the shifts to the other side.

    Borders that are drawn at some distance around objects, or on both sides of an outline that is a class, fit as well
    on both sides: those masks are not shifted.
    """
    down, right = _moves()
    return down * (best[0] - REACH) + right * (best[1] - REACH) <= 0


def _is_a_shift(best: tuple[int, int]) -> bool:
    """Whether it is large enough, and not at the rim, where the best may lie outside."""
    down, right = (abs(place - REACH) for place in best)
    return np.hypot(down, right) >= NEAR and max(down, right) < REACH


def _stands_out(scores: ShiftScores, best: tuple[int, int], other: tuple[int, int]) -> bool:
    down, right = _moves()
    rest = scores[np.hypot(down + REACH - best[0], right + REACH - best[1]) > 2 * NEAR]
    height = scores[best] - np.median(rest)
    return bool(height > STANDS_OUT * rest.std() and scores[best] - scores[other] > ABOVE_REST * height)


def _agree(gains: NDArray[np.float32]) -> bool:
    error = gains.std() / np.sqrt(len(gains))
    return bool(gains.mean() > CERTAINTY * error and (gains > 0).mean() > AGREEING)
