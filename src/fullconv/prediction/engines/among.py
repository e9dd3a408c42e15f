"""An engine restricted to some of its model's classes: each pixel gets the best of these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullconv.prediction.engines.contract import Engine, Images

BELOW = 100.0  # scores of the other classes are this far below the lowest score, so their probability is 0


class Among:
    """`others`: indices of the classes that are left out. The label maps still contain the model's own indices."""

    def __init__(self, engine: Engine, others: tuple[int, ...]) -> None:
        self.engine, self.others = engine, others
        self.name, self.precision = engine.name, engine.precision

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.scores(images).argmax(1).astype(np.uint8)

    def scores(self, images: Images) -> NDArray[np.float32]:
        scores = self.engine.scores(images).copy()
        scores[:, list(self.others)] = scores.min() - BELOW
        return scores

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return self.engine.room(channels, scores=True)
