"""Defines what every engine provides: a batch of images → label maps or scores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError

Images = NDArray[Any]  # (N, H, W, channels) uint8, or float32 if the model's values have a range
BYTES_A_PIXEL = 1024  # assumed if an engine cannot say: two float32 maps of 128 channels at full size


class ModelError(FullconvError):
    """An error of the model, not of a picture. It would occur again with other pictures."""


def no_graph(graph: Path, error: Exception | str) -> ModelError:
    """Returns the error for a graph that an engine cannot read."""
    text = re.sub(r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:", "", str(error))  # OpenVINO's source lines
    reason = " ".join(text.split())[:200]
    return ModelError(f"{graph}: damaged, or not a fullconv graph ({reason}); copy it again, or run `fullconv export`")


class Engine(Protocol):
    """Runs a network on batches of images whose height and width the architecture takes. It is safe to call from
    several threads."""

    name: str
    precision: str

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        """(N, H, W, channels) → (N, H, W) class indices."""

    def scores(self, images: Images) -> NDArray[np.float32]:
        """(N, H, W, channels) → (N, classes, H, W)."""

    def room(self, channels: int = 3, scores: bool = False) -> int:
        """Returns how many pixels of a picture can be processed at once with the available memory. `scores`: whether
        scores are needed, not only label maps."""
