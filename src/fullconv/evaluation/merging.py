"""Merges classes of a model for scoring: the named ones stay, all others count as background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes, LabelMap
from fullconv.errors import FullconvError, argument, suggestion
from fullconv.listed import listed

BACKGROUND = "background"


@dataclass(frozen=True)
class Merging:
    """`lookup` (256,): index among a model's classes → index among `classes`. Void stays void."""

    classes: Classes
    lookup: NDArray[np.uint8]

    def apply(self, label_map: LabelMap) -> LabelMap:
        merged: LabelMap = self.lookup[label_map]
        return merged


def merge_to(names: str | Sequence[str], classes: Classes) -> Merging:
    """Returns background, which all other classes become, followed by the named classes. Raises FullconvError for an
    unknown name."""
    names = listed("merge_to", names)
    for name in names:
        if name not in (BACKGROUND, *classes.names):
            near = suggestion(name, classes.names)
            raise FullconvError(f"{argument('merge_to', name)}: not a class of the model{near}")
    kept = [BACKGROUND, *dict.fromkeys(name for name in names if name != BACKGROUND)]
    lookup = np.zeros(256, np.uint8)
    lookup[classes.void] = classes.void
    for index, name in enumerate(classes.names):
        lookup[index] = kept.index(name) if name in kept else 0
    return Merging(Classes.named(kept), lookup)
