"""Estimates how much a mean IoU depends on the choice of pictures, by a bootstrap over pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fullconv.metrics import Counts, ious

DRAWS = 1000
BETWEEN = (2.5, 97.5)  # percentiles


def mean_iou_interval(matrices: Sequence[Counts], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of the mean IoU over sets of the same size, drawn from these pictures with replacement (Efron
    1979).

    `matrices`: one per picture, with a row per true class. None if there is nothing to measure.
    """
    if not matrices:
        return None
    stacked = np.stack(matrices).reshape(len(matrices), -1).astype(np.float64)
    classes, random = len(matrices[0]), np.random.default_rng(seed)
    means = []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(0, len(stacked), len(stacked)), minlength=len(stacked))
        found = ious((times @ stacked).reshape(classes, classes).astype(np.int64))
        if not np.isnan(found).all():
            means.append(np.nanmean(found))
    if not means:
        return None
    low, high = np.percentile(means, BETWEEN)
    return float(low), float(high)
