"""Writes the scores that the labels come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fullconv.errors import FullconvError
from fullconv.outputs.file import Files
from fullconv.segmentation import Segmentation

NO_SCORES = "scores: not kept by this prediction; predict with scores=True"


def write_scores(result: Segmentation, target: Path) -> Files:
    """target_scores.npz: `scores` (C, H, W) float16, unnormalised, and `classes`, the C names.

    Half precision keeps three digits, so classes whose scores agree to three digits cannot be distinguished. Raises
    FullconvError if the prediction kept no scores.
    """
    if result.scores is None:
        raise FullconvError(NO_SCORES)
    scores, names = result.scores, np.array(result.classes.names)
    # Not compressed: zlib takes seconds per photo and saves little.
    return {"_scores.npz": lambda hidden: np.savez(hidden, scores=scores.astype(np.float16), classes=names)}
