"""Brings scores to the size of a picture, and finds the best class of each pixel.

Enlarging is bilinear. If the picture was enlarged for the network, each pixel gets the nearest score. The network
itself can then find the best class, which takes half the time.
"""

from __future__ import annotations

from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.strips import strips

BLOCK = 32  # scores per side
Scores = NDArray[np.float32]
Value = TypeVar("Value", np.float32, np.uint8)


def scores_at(scores: Scores, size: tuple[int, ...]) -> Scores:
    """(C, h, w) → (C, H, W), where `size` is (H, W)."""
    if scores.shape[1:] == tuple(size):
        return scores
    if reduces(scores, size):
        return nearest(scores, size)
    resized = np.empty((len(scores), *size), np.float32)
    for plane, into in zip(scores, resized, strict=True):
        for rows in strips(size):
            into[rows] = _resized(plane, size, rows)
    return resized


def label_map_at(scores: Scores, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """(C, h, w) → (H, W): the best class of the resized scores. Only a strip of two classes is in memory at a time."""
    if reduces(scores, size):
        return nearest(scores, size).argmax(0).astype(np.uint8)
    first, *others = contenders(scores)
    label_map = np.full(size, first, np.uint8)
    for rows in strips(size) if others else ():
        best, labels = _resized(scores[first], size, rows), label_map[rows]
        for index in others:
            plane = _resized(scores[index], size, rows)
            labels[plane > best] = index
            np.maximum(best, plane, out=best)
    return label_map


def reduces(scores: Scores, size: tuple[int, ...]) -> bool:
    """Whether there are more scores than pixels."""
    return scores.shape[1] > size[0] or scores.shape[2] > size[1]


def nearest(planes: NDArray[Value], size: tuple[int, ...]) -> NDArray[Value]:
    """(…, h, w) → (…, H, W): the value at the centre of each pixel."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * (own / wanted)).astype(np.intp)
        for own, wanted in zip(planes.shape[-2:], size, strict=True)
    )
    return np.ascontiguousarray(planes[..., rows[:, None], columns])


def contenders(scores: Scores) -> list[int]:
    """Returns the classes that may be best somewhere in the enlarged scores, where each is a weighted mean of the four
    scores around it.

    A class is left out if, for all groups of four, its largest score is below the smallest one of some other class.
    Blocks of many such groups are compared first: this is quick, and leaves few classes for the second comparison.
    """
    rounding = 1e-5 * float(max(scores.max(), -scores.min()))
    some = np.flatnonzero(_may_be_best(*_over_blocks(scores), rounding))
    return [int(i) for i in some[_may_be_best(*_over_fours(scores[some]), rounding)]]


def _may_be_best(least: Scores, most: Scores, rounding: float) -> NDArray[np.bool_]:
    """(C, groups down, groups across), twice → (C,)"""
    return np.asarray((most >= least.max(0) - rounding).any((1, 2)))


def _over_blocks(scores: Scores) -> tuple[Scores, Scores]:
    """Returns the least and the largest score of each class in every block. Blocks share their borders, so that each
    group of four lies in one."""
    least, most = (_over_rows(_over_rows(scores, one).swapaxes(1, 2), one) for one in (np.minimum, np.maximum))
    return least, most


def _over_rows(scores: Scores, extreme: np.ufunc) -> Scores:
    """(C, h, w) → (C, blocks, w)"""
    starts = range(0, max(1, scores.shape[1] - 1), BLOCK)
    return np.stack([extreme.reduce(scores[:, start : start + BLOCK + 1], axis=1) for start in starts], axis=1)


def _over_fours(scores: Scores) -> tuple[Scores, Scores]:
    around = np.pad(scores, ((0, 0), (0, 1), (0, 1)), "edge")
    corners = around[:, :-1, :-1], around[:, :-1, 1:], around[:, 1:, :-1], around[:, 1:, 1:]
    return reduce(np.minimum, corners), reduce(np.maximum, corners)


def _resized(plane: NDArray[np.float32], size: tuple[int, ...], rows: slice) -> Scores:
    """Returns these rows of the plane after it is resized."""
    height, width = size
    own_height, own_width = plane.shape
    box = (0, rows.start * own_height / height, own_width, rows.stop * own_height / height)
    resized = Image.fromarray(plane).resize((width, rows.stop - rows.start), Image.Resampling.BILINEAR, box)
    return np.array(resized)
