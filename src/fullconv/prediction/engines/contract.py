"""What every engine does: a batch of pictures → label maps, or scores."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Images = NDArray[Any]  # uint8, or float32 where the model's values have a range
BYTES_A_PIXEL = 1024  # where an engine does not tell: two float32 maps of 128 channels at full size


class Engine(Protocol):
    """Runs a batch of heights and widths that the architecture takes. Safe to call from several threads."""

    name: str
    precision: str

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        """(N, H, W, channels) → (N, H, W) class indices."""

    def scores(self, images: Images) -> NDArray[np.float32]:
        """(N, H, W, channels) → (N, classes, H, W)."""

    def room(self, channels: int = 3, scores: bool = False) -> int:
        """How many pixels of a picture may be seen at once, so that memory suffices."""
