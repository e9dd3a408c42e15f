"""An engine that also processes each picture's mirror image, and gives the mean of both scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullconv.prediction.engines.contract import Engine, Images


class Mirrored:
    """scores(picture) = (scores of the picture + mirrored scores of the mirror image) / 2; the label is the class whose
    mean is best. Left and right are exchanged, nothing else, and no probabilities are taken before."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name, self.precision = engine.name, engine.precision

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.scores(images).argmax(1).astype(np.uint8)

    def scores(self, images: Images) -> NDArray[np.float32]:
        straight = self.engine.scores(images).copy()  # an engine may use its memory again
        mirrored = self.engine.scores(np.ascontiguousarray(images[:, :, ::-1]))
        straight += mirrored[..., ::-1]
        straight /= 2
        return straight

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return self.engine.room(channels, scores=True)
