"""An engine that also processes each image's mirror image, and returns the mean of both scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fullconv.prediction.engines.contract import Engine, Images


class Mirrored:
    """scores(image) = (scores of the image + mirrored scores of the mirror image) / 2. The label is the class with the
    best mean. Only left and right are exchanged. The mean is that of the scores, not of probabilities."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name, self.precision = engine.name, engine.precision

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.scores(images).argmax(1).astype(np.uint8)

    def scores(self, images: Images) -> NDArray[np.float32]:
        scores = self.engine.scores(images).copy()  # an engine may overwrite its result in the next call
        mirrored = self.engine.scores(np.ascontiguousarray(images[:, :, ::-1]))
        scores += mirrored[..., ::-1]
        scores /= 2
        return scores

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return self.engine.room(channels, scores=True)
