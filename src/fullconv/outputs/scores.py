"""The scores behind the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fullconv.errors import FullconvError
from fullconv.files import write_whole
from fullconv.segmentation import Segmentation

NO_SCORES = "scores: the prediction kept none; predict with scores=True"


def write_scores(result: Segmentation, target: Path) -> list[Path]:
    """target_scores.npz: `scores` (C, H, W) float16, unnormalised, and `classes`, the C names.

    Half precision keeps three digits: where two classes score alike to the third, the labels know more. Raises
    FullconvError where the prediction kept no scores.
    """
    if result.scores is None:
        raise FullconvError(NO_SCORES)
    scores, names = result.scores.astype(np.float16), np.array(result.classes.names)
    path = target.with_name(target.name + "_scores.npz")
    # Not compressed: zlib takes seconds a photo, for little.
    return [write_whole(path, lambda hidden: np.savez(hidden, scores=scores, classes=names))]
