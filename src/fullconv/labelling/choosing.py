"""Which pictures are worth labelling next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.data.alike import Look as Likeness
from fullconv.data.alike import groups_of
from fullconv.labelling.looks import Look

Looks = Sequence[Look]


def by_uncertainty(looks: Looks, labelled: Looks, count: int) -> list[Look]:
    """Those of which the model is least sure, the least sure first; none that looks like another of them, or like a
    labelled one."""
    ranks = np.argsort([-look.doubt for look in looks], kind="stable").tolist()
    return [looks[i] for i in one_of_each(ranks, looks, labelled)[:count]]


def by_diversity(looks: Looks, labelled: Looks, count: int) -> list[Look]:
    """Each time the one that is farthest from all that are labelled or chosen (greedy k-centre: Sener and Savarese,
    arXiv 1708.00489, on Look.features). Where nothing is labelled, the one nearest the mean comes first."""
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
        nearest[chosen] = -1  # not once more
    return [looks[i] for i in chosen]


def one_of_each(ranks: Sequence[int], looks: Looks, labelled: Looks) -> list[int]:
    """Of each group of pictures that look the same the first; none of a group of which one is labelled."""
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
    """(pictures,): Euclidean."""
    return np.asarray(np.linalg.norm(features - one, axis=1))


WAYS = {"uncertainty": by_uncertainty, "diversity": by_diversity}
