"""Chooses the pictures that are most useful to label next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.data.alike import Look as Likeness
from fullconv.data.alike import groups_of
from fullconv.labelling.looks import Look

Looks = Sequence[Look]


def by_uncertainty(looks: Looks, labelled: Looks, count: int) -> list[Look]:
    """Returns the `count` pictures that the model is least sure of, the least sure first. Pictures that look like one
    already chosen, or like a labelled one, are left out."""
    ranks = np.argsort([-look.doubt for look in looks], kind="stable").tolist()
    return [looks[i] for i in one_of_each(ranks, looks, labelled)[:count]]


def by_diversity(looks: Looks, labelled: Looks, count: int) -> list[Look]:
    """Returns `count` pictures. Each is the one whose features are farthest from those of all pictures that are
    labelled or already chosen (greedy k-centre: Sener and Savarese, arXiv 1708.00489). If nothing is labelled, the
    picture nearest to the mean is chosen first."""
    features = np.stack([look.features for look in looks])  # (pictures, features)
    if labelled:
        nearest = np.min([distances(features, look.features) for look in labelled], axis=0)
    else:
        nearest = np.full(len(looks), np.inf, np.float32)
    chosen: list[int] = []
    while len(chosen) < min(count, len(looks)):
        central = not chosen and not labelled
        best = int(distances(features, features.mean(0)).argmin() if central else nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, distances(features, features[best]))
        nearest[chosen] = -1  # never choose one again
    return [looks[i] for i in chosen]


def one_of_each(ranks: Sequence[int], looks: Looks, labelled: Looks) -> list[int]:
    """Returns the first picture of each group of pictures that look the same, in the order of `ranks`. Groups with a
    labelled picture are left out."""
    groups = groups_of([Likeness(look.thumbnail) for look in (*looks, *labelled)])
    group_of = {i: number for number, group in enumerate(groups) for i in group}
    taken = {group_of[len(looks) + i] for i in range(len(labelled))}
    first = []
    for i in ranks:
        if group_of[i] not in taken:
            taken.add(group_of[i])
            first.append(i)
    return first


def distances(features: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (pictures,): the Euclidean distances of all features (pictures, features) from `one` (features,)."""
    return np.asarray(np.linalg.norm(features - one, axis=1))


WAYS = {"uncertainty": by_uncertainty, "diversity": by_diversity}
