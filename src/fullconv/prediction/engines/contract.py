"""What every engine does: a batch of pictures → label maps, or scores."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError

Images = NDArray[np.uint8]
BYTES_A_PIXEL = 1024  # where an engine does not tell: two float32 maps of 128 channels at full size


class Engine(Protocol):
    """Runs a batch of heights and widths that the architecture takes. Safe to call from several threads."""

    name: str
    precision: str

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        """(N, H, W, 3) uint8 → (N, H, W) class indices."""

    def scores(self, images: Images) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 → (N, classes, H, W)."""

    def room(self, channels: int = 3, scores: bool = False) -> int:
        """How many pixels of a picture may be seen at once, so that memory suffices."""


def unreadable(graph: Path, error: Exception) -> FullconvError:
    """One line for a graph that a library cannot read or run; its own account may be of many."""
    reason = " ".join(str(error).split())[-200:]
    return FullconvError(
        f"{graph}: damaged, or no graph of fullconv's ({reason}); copy it again, or run `fullconv export`"
    )
