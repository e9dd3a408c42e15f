"""Counts the connected regions of a label map row by row, whatever its size.

Runs of equal pixels in a row are nodes. Runs that touch across two rows are joined, and connected nodes are counted. Of
the rows above, only the last is kept. Pixels that only touch at a corner are not connected.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import LabelMap

Numbers = NDArray[np.int64]


def count_regions(strips: Iterable[LabelMap]) -> Numbers:
    """(256,): the number of regions of each value, in a label map given as strips of rows, (h, W) each, from the
    top."""
    found = np.zeros(256, np.int64)
    above: LabelMap | None = None  # (1, W): the last row so far
    above_ids: Numbers = np.zeros((1, 0), np.int64)  # (1, W): the region of each of its pixels
    for strip in strips:
        if above is not None:
            found -= values_of(above, above_ids)  # they are counted again below, as far as they are still separate
        labels = strip if above is None else np.concatenate([above, strip])
        ids = runs_of(labels)
        pairs = touching(labels, ids)
        if above is not None:
            pairs = np.concatenate([pairs, reunited(ids[0], above_ids[0])])
        roots = components(int(ids[-1, -1]) + 1, pairs)
        leading = roots == np.arange(len(roots))
        found += np.bincount(labels[starts_of(labels)][leading], minlength=256)
        above, above_ids = labels[-1:], roots[ids[-1:]]
    return found


def values_of(labels: LabelMap, ids: Numbers) -> Numbers:
    """(256,): the number of different ids of each value, in a row (1, W)."""
    _, first = np.unique(ids, return_index=True)
    return np.bincount(labels.ravel()[first], minlength=256)


def runs_of(labels: LabelMap) -> Numbers:
    """(H, W): the number of the run that contains each pixel."""
    return starts_of(labels).ravel().cumsum().reshape(labels.shape) - 1


def starts_of(labels: LabelMap) -> NDArray[np.bool_]:
    """(H, W): whether a run begins."""
    starts = np.ones(labels.shape, bool)
    starts[:, 1:] = labels[:, 1:] != labels[:, :-1]
    return starts


def touching(labels: LabelMap, ids: Numbers) -> Numbers:
    """(N, 2): runs of one value in two rows that touch, each pair once, where the later of the two begins."""
    starts = starts_of(labels)
    meets = (labels[1:] == labels[:-1]) & (starts[1:] | starts[:-1])
    return np.column_stack([ids[:-1][meets], ids[1:][meets]])


def reunited(runs: Numbers, regions: Numbers) -> Numbers:
    """(N, 2): runs of a row that belong to one region because of the rows above; both (W,)."""
    _, first = np.unique(regions, return_index=True)
    leader = np.zeros(regions.max() + 1, np.int64)
    leader[regions[first]] = runs[first]
    return np.column_stack([leader[regions], runs])


def components(count: int, pairs: Numbers) -> Numbers:
    """(count,): for each node, the smallest one connected with it by pairs (N, 2)."""
    root = np.arange(count)
    while True:
        ends = root[pairs]
        least = ends.min(1) if len(pairs) else np.zeros(0, np.int64)
        lower = root.copy()
        np.minimum.at(lower, ends[:, 0], least)
        np.minimum.at(lower, ends[:, 1], least)
        while not np.array_equal(lower, lower[lower]):
            lower = lower[lower]
        if np.array_equal(lower, root):
            return root
        root = lower
