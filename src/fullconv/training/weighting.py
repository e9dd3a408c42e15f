"""Class weights that make up for rare classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from fullconv.classes import Classes
from fullconv.data.dataset import Sample
from fullconv.data.doctor.statistics import Share, added
from fullconv.errors import FullconvError
from fullconv.logger import logger

RARE = 0.05  # share of the labelled pixels
LISTED = 8  # classes that are listed, those with the largest weight first


def weigh_classes(kind: str | tuple[float, ...], samples: Sequence[Sample], classes: Classes) -> Tensor | None:
    """Returns the tensor of `class_weights`, and logs it in one line."""
    weights = class_weights(kind, samples, classes)
    if weights is not None:
        by_rarity = sorted(zip(weights.tolist(), classes.names, strict=True), reverse=True)
        listed = ", ".join(f"{name} {weight:.3g}" for weight, name in by_rarity[:LISTED])
        more = f", and {len(classes) - LISTED} more" if len(classes) > LISTED else ""
        logger.info(f"class weights{f' ({kind})' if isinstance(kind, str) else ''}: {listed}{more}")
    return weights


def weights_if_rare(pixels: Sequence[int]) -> tuple[float, ...] | None:
    """The weights of two classes of which one has less than RARE of all `pixels`; None for any other set.

    They are the roots of the median frequency weights. Without weights, a short training is never sure enough of such
    a class to give it a pixel; the whole weights make it wider than it is (docs/training.md).
    """
    if len(pixels) != 2 or not 0 < min(pixels) < RARE * sum(pixels):
        return None
    return tuple(round(sqrt(0.5 * sum(pixels) / each), 3) for each in pixels)


def class_weights(kind: str | tuple[float, ...], samples: Sequence[Sample], classes: Classes) -> Tensor | None:
    """(C,): given numbers unchanged, or computed by reading every mask once. None for "none".

    balanced: the median frequency divided by the class's own (arXiv 1411.4734), as `fullconv check` prints it. enet:
    1 / ln(1.02 + share of the pixels) (arXiv 1606.02147). A class that does not occur has weight 1.
    """
    if kind == "none":
        return None
    if isinstance(kind, tuple):
        if len(kind) != len(classes):
            raise FullconvError(
                f"recipe: class_weights has the length {len(kind)}; give it {len(classes)}, a number for each class"
            )
        return torch.tensor(kind)
    share = counted(samples, len(classes))
    if kind == "balanced":
        return torch.tensor([1.0 if weight is None else weight for weight in share.weights()])
    return torch.from_numpy(1 / np.log(1.02 + share.pixels / max(share.pixels.sum(), 1))).float()


def counted(samples: Sequence[Sample], num_classes: int) -> Share:
    """Counts the pixels of each class in the label maps."""
    share = None
    for sample in samples:
        counts = np.bincount(sample.read_label_map().ravel(), minlength=256)
        share = added(share, "train", counts, num_classes)
    if share is None:
        raise FullconvError("class_weights: the training split has no pictures to count")
    return share
