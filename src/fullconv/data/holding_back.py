"""Holds back pictures from training, to choose the best epoch and to compute scores. Similar pictures stay together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.data.alike import Look, groups_of, look_at
from fullconv.data.dataset import Sample

SHARE = 0.2  # of the pictures
SEED = 0  # not that of the run, so that runs with other seeds are compared on the same pictures

Samples = tuple[Sample, ...]


def hold_back(samples: Sequence[Sample], share: float = SHARE) -> tuple[Samples, Samples]:
    """Returns (pictures to train on, pictures held back), each in order. None are held back if all are in one group.

    Every class keeps a picture in training. If it has others, one of these is held back. The same pictures are always
    divided in the same way.
    """
    looks = look_at(samples)
    held = set(choose(groups_of(looks), present_in(looks), share))
    train = tuple(sample for i, sample in enumerate(samples) if i not in held)
    return train, tuple(sample for i, sample in enumerate(samples) if i in held)


def present_in(looks: Sequence[Look]) -> NDArray[np.bool_]:
    """(pictures, classes)"""
    classes = max((index for look in looks for index in look.classes), default=0) + 1
    return np.array([[index in look.classes for index in range(classes)] for look in looks], bool).reshape(-1, classes)


def choose(groups: Sequence[Sequence[int]], present: NDArray[np.bool_], share: float) -> list[int]:
    """Returns the pictures of groups that together are about `share` of all, and leave no class without a picture."""
    wanted = max(1, round(share * len(present)))
    order = [groups[i] for i in np.random.default_rng(SEED).permutation(len(groups))]
    smallest = min(order, key=len, default=[])
    held: list[int] = []
    for group in [*_for_each_class(order, present), *order, smallest]:
        fits = len(held) + len(group) <= wanted or (not held and group is smallest)
        if fits and group[0] not in held and _all_stay(present, [*held, *group]):
            held += group
    return sorted(held)


def _for_each_class(order: Sequence[Sequence[int]], present: NDArray[np.bool_]) -> Iterator[Sequence[int]]:
    """Yields a group for each class, the rarest class first, so that each can be scored."""
    for index in np.argsort(present.sum(0), kind="stable"):
        yield from [group for group in order if present[list(group), index].any()][:1]


def _all_stay(present: NDArray[np.bool_], held: Sequence[int]) -> bool:
    """Whether a picture remains, and one of each class that occurs."""
    rest = np.delete(present, list(held), axis=0)
    return len(rest) > 0 and bool((rest.any(0) | ~present.any(0)).all())
