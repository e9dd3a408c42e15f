"""Divides all labelled pictures into folds, each held back once. Similar pictures stay in one fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fullconv.data.alike import groups_of, look_at
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.holding_back import SEED, present_in
from fullconv.errors import FullconvError
from fullconv.words import counted


def fold_of(dataset: Dataset, train: str, val: str, number: int, count: int) -> Dataset:
    """Returns the data with fold `number`, from 1, of `count` as `val`, and all other pictures of both splits as
    `train`.

    Added pictures stay in training. Splits other than `train` and `val` do not change.
    """
    divided = divided_in(dataset, train, val)
    fold = set(in_folds(divided, count)[number - 1])
    learned = tuple(sample for i, sample in enumerate(divided) if i not in fold)
    held = tuple(sample for i, sample in enumerate(divided) if i in fold)
    return replace(dataset, splits={**dataset.splits, train: learned, val: held})


def all_folds(dataset: Dataset, train: str, val: str, count: int) -> list[tuple[Sample, ...]]:
    """Returns the pictures that each fold holds back."""
    divided = divided_in(dataset, train, val)
    return [tuple(divided[i] for i in fold) for fold in in_folds(divided, count)]


def divided_in(dataset: Dataset, train: str, val: str) -> list[Sample]:
    """Returns the pictures that are divided into folds: those of both splits."""
    return [*dataset.split(train), *dataset.splits.get(val, ())]


def in_folds(samples: Sequence[Sample], count: int) -> list[list[int]]:
    """Returns the numbers of the pictures of each fold, sorted. The same pictures are always divided in the same way.

    Raises FullconvError if there are fewer groups of similar pictures than folds.
    """
    looks = look_at(samples)
    groups, present = groups_of(looks), present_in(looks)
    if len(groups) < count:
        raise FullconvError(
            f"folds: {count} folds of {counted(len(groups), 'group')} of pictures that look alike or overlap; "
            "take fewer folds, or label more pictures"
        )
    order = [groups[i] for i in np.random.default_rng(SEED).permutation(len(groups))]
    folds: list[list[int]] = [[] for _ in range(count)]
    for group in sorted(order, key=lambda group: -len(group)):  # the largest first, while every fold has room
        shown = np.array([present[fold].sum(0) for fold in folds])  # (folds, classes): pictures with each class
        wanted = int(np.where(present[group].any(0), present.sum(0), len(samples) + 1).argmin())  # its rarest class
        best = min(range(count), key=lambda i: (len(folds[i]), shown[i, wanted]))
        folds[best] += group
    return [sorted(fold) for fold in folds]
