"""Finds classes whose structures would be lost if pictures were reduced."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, Classes, LabelMap
from fullconv.view import size_with_side

USUAL_SIDE = 512  # pixels that the longer side is reduced to, if nothing is lost by it
THINNEST = 4.0  # pixels that a structure must keep after reduction
LOST = 0.5  # share of a class's pixels in a picture; if more lie in thinner structures, the class is lost there
PICTURES = 0.2  # share of the pictures with a class; if it is lost in more of them, it counts as lost


def lost_classes(label_map: LabelMap, classes: Classes) -> tuple[set[int], set[int]]:
    """Returns (classes in a picture that USUAL_SIDE would reduce, those of them that would mostly be too thin to
    see)."""
    height, width = label_map.shape
    if max(height, width) <= USUAL_SIDE:
        return set(), set()
    factor = max(height, width) / max(size_with_side((height, width), USUAL_SIDE))
    thin = np.minimum(runs(label_map), runs(label_map.T).T) < THINNEST * factor
    every = np.bincount(label_map.ravel(), minlength=VOID + 1)[: len(classes)]
    lost = np.bincount(label_map[thin], minlength=VOID + 1)[: len(classes)]
    present = np.flatnonzero(every)
    return set(present.tolist()), {int(i) for i in present if lost[i] > LOST * every[i]}


def runs(label_map: LabelMap) -> NDArray[np.intp]:
    """(H, W): the number of adjacent pixels in the row, including the pixel itself, that share its label."""
    height, width = label_map.shape
    flat = np.ascontiguousarray(label_map).ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]] | (np.arange(flat.size) % width == 0))
    lengths = np.diff(np.r_[starts, flat.size])
    return np.repeat(lengths, lengths).reshape(height, width)
