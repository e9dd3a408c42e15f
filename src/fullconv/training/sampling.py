"""Which pictures an epoch shows, and in which order; rare classes may be shown more often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullconv.data.dataset import Sample


def presence(samples: Sequence[Sample], num_classes: int) -> NDArray[np.bool_]:
    """(samples, classes): whether a picture's label map holds a class. Reads every mask once."""
    found = np.zeros((len(samples), num_classes), bool)
    for i, sample in enumerate(samples):
        found[i] = np.bincount(sample.read_label_map().ravel(), minlength=256)[:num_classes] > 0
    return found


def repeat_factors(present: NDArray[np.bool_], balance: float) -> Tensor:
    """(samples,): how often an epoch shows each picture (repeat factor sampling, arXiv 1908.03195).

    A class found in a share f of the pictures asks for sqrt(balance / f), at least 1; a picture follows its rarest.
    """
    share = present.mean(0).clip(min=1e-9)
    wanted = np.sqrt(balance / share).clip(min=1)
    return torch.from_numpy((present * wanted).max(1).clip(min=1))


def draw(factors: Tensor, generator: torch.Generator) -> list[int]:
    """Indices of samples in random order, each floor or ceil of its factor times; as many as the factors' sum."""
    offset = torch.rand((), generator=generator, dtype=torch.float64)
    edges = (factors.double().cumsum(0) + offset).floor().long()
    counts = edges.diff(prepend=edges.new_zeros(1))
    indices = torch.arange(len(factors)).repeat_interleave(counts)
    shuffled = indices[torch.randperm(len(indices), generator=generator)]
    chosen: list[int] = shuffled[: epoch_length(factors)].tolist()
    return chosen


def epoch_length(factors: Tensor) -> int:
    """The number of pictures that each epoch shows."""
    return int(factors.double().sum())
