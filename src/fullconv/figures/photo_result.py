"""Runs one photo through a network and keeps its results block by block: the best classes at every stride."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fullconv import overlay
from fullconv.classes import Classes
from fullconv.figures.anatomy import DECODER, SCORES, Block, Key, blocks_of
from fullconv.figures.maps import as_batch
from fullconv.models.tracing import trace_picture

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoResult:
    """`photo` (H, W, 3), the photo with its mask, and a picture (h, w, 3) of the best class at every position of each
    block with scores. `legend`: the colours, such as #ff8c00, of the classes in the mask but the first."""

    photo: Image
    mask: Image
    labels: Mapping[Key, Image]
    legend: Mapping[str, str]


def run_photo(network: nn.Module, photo: Image, classes: Classes) -> PhotoResult:
    """Runs one photo (H, W, 3) through a network with parameters."""
    steps, values = trace_picture(network, as_batch(photo))
    colours, labels = overlay.palette(classes), {}
    for key, block in answers(blocks_of(steps)).items():
        last = next((step for step in reversed(block.steps) if step.shape[1] == len(classes)), None)
        if last is not None:
            # Photos are padded on the right and at the bottom. The padding is not shown.
            rows, columns = (ceil(side / block.stride) for side in photo.shape[:2])
            labels[key] = colours[values[steps.index(last)][0, :, :rows, :columns].argmax(0).numpy()]
    best = torch.argmax(values[-1][0], 0).numpy().astype(np.uint8)
    mask = np.asarray(overlay.painted(photo, best, classes, opacity=0.55, outlined=True))
    legend = {classes.names[i]: "#{:02x}{:02x}{:02x}".format(*colours[i]) for i in np.unique(best) if i}
    return PhotoResult(photo, mask, labels, legend)


def answers(blocks: Mapping[Key, Block]) -> dict[Key, Block]:
    """Returns the blocks whose scores can be read as classes: the coarsest ones and all sums. Finer scores only correct
    them."""
    coarsest = max((stride for kind, stride in blocks if kind == SCORES), default=None)
    return {key: block for key, block in blocks.items() if key[0] == DECODER or key == (SCORES, coarsest)}
