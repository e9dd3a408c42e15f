"""What every engine provides: a batch of pictures → label maps or scores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError

Images = NDArray[Any]  # uint8, or float32 where the model's values have a range
BYTES_A_PIXEL = 1024  # where an engine does not tell: two float32 maps of 128 channels at full size


class ModelError(FullconvError):
    """A fault of the model's, not of a picture's: with others it would come again."""


def no_graph(graph: Path, error: Exception | str) -> ModelError:
    """The error for a file that an engine cannot read."""
    told = re.sub(r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:", "", str(error))  # where in its own source
    reason = " ".join(told.split())[:200]
    return ModelError(f"{graph}: damaged, or not a fullconv graph ({reason}); copy it again, or run `fullconv export`")


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
