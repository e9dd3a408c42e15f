"""Chooses the pictures that are most useful to label next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.data.alike import Look, groups_of
from fullconv.labelling.assessment import Assessment

Assessments = Sequence[Assessment]


def by_uncertainty(assessments: Assessments, labelled: Assessments, count: int) -> list[Assessment]:
    """Returns the `count` pictures that the model is least sure of, the least sure first. Pictures that look like one
    already chosen, or like a labelled one, are left out."""
    ranks = np.argsort([-one.doubt for one in assessments], kind="stable").tolist()
    return [assessments[i] for i in one_of_each(ranks, assessments, labelled)[:count]]


def by_diversity(assessments: Assessments, labelled: Assessments, count: int) -> list[Assessment]:
    """Returns `count` pictures. Each is the one whose features are farthest from those of all pictures that are
    labelled or already chosen (greedy k-centre: Sener and Savarese, arXiv 1708.00489). If nothing is labelled, the
    picture nearest to the mean is chosen first. Pictures that look like one before them, or like a labelled one, are
    left out."""
    assessments = [assessments[i] for i in one_of_each(range(len(assessments)), assessments, labelled)]
    if not assessments:
        return []
    features = np.stack([one.features for one in assessments])  # (pictures, features)
    if labelled:
        nearest = np.min([distances(features, one.features) for one in labelled], axis=0)
    else:
        nearest = np.full(len(assessments), np.inf, np.float32)
    chosen: list[int] = []
    while len(chosen) < min(count, len(assessments)):
        central = not chosen and not labelled
        best = int(distances(features, features.mean(0)).argmin() if central else nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, distances(features, features[best]))
        nearest[chosen] = -1  # never choose one again
    return [assessments[i] for i in chosen]


def one_of_each(ranks: Sequence[int], assessments: Assessments, labelled: Assessments) -> list[int]:
    """Returns the first picture of each group of pictures that look the same, in the order of `ranks`. Groups with a
    labelled picture are left out."""
    groups = groups_of([Look(one.thumbnail) for one in (*assessments, *labelled)])
    group_of = {i: number for number, group in enumerate(groups) for i in group}
    taken = {group_of[len(assessments) + i] for i in range(len(labelled))}
    first = []
    for i in ranks:
        if group_of[i] not in taken:
            taken.add(group_of[i])
            first.append(i)
    return first


def distances(features: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (pictures,): the Euclidean distances of all features (pictures, features) from `one` (features,)."""
    return np.asarray(np.linalg.norm(features - one, axis=1))


STRATEGIES = {"uncertainty": by_uncertainty, "diversity": by_diversity}
