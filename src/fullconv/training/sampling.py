"""Decides which pictures an epoch shows and in which order. Rare classes can be shown more often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullconv.data.dataset import Sample


def presence(samples: Sequence[Sample], num_classes: int) -> NDArray[np.bool_]:
    """(samples, classes): whether a picture's label map contains a class. Reads every mask once."""
    found = np.zeros((len(samples), num_classes), bool)
    for i, sample in enumerate(samples):
        found[i] = np.bincount(sample.read_label_map().ravel(), minlength=256)[:num_classes] > 0
    return found


def repeat_factors(present: NDArray[np.bool_], balance: float) -> Tensor:
    """(samples,): how often an epoch shows each picture (repeat factor sampling, arXiv 1908.03195).

    The factor of a class found in a share f of the pictures is sqrt(balance / f), at least 1. A picture has the factor
    of its rarest class.
    """
    share = present.mean(0).clip(min=1e-9)
    wanted = np.sqrt(balance / share).clip(min=1)
    return torch.from_numpy((present * wanted).max(1).clip(min=1))


@dataclass(frozen=True)
class Sampling:
    """The pictures that an epoch shows: each labelled one as often as its factor says, and enough unlabelled ones to
    make up `share` of all. Those are drawn by their factors, without replacement, across the epochs."""

    labelled: Tensor  # (pictures,)
    unlabelled: Tensor = field(default_factory=lambda: torch.zeros(0))  # (pictures,)
    share: float = 0.0

    @property
    def unlabelled_count(self) -> int:
        if not len(self.unlabelled):
            return 0
        return round(epoch_length(self.labelled) * self.share / (1 - self.share))

    @property
    def length(self) -> int:
        """The number of pictures that each epoch shows."""
        return epoch_length(self.labelled) + self.unlabelled_count

    def order(self, seed: int, epoch: int) -> list[int]:
        """Returns indices of pictures, a function of (seed, epoch). Unlabelled pictures are numbered after the labelled
        ones."""
        generator = torch.Generator().manual_seed(key_of(seed, epoch))
        chosen = draw(self.labelled, generator)
        if not self.unlabelled_count:
            return chosen
        more = self._unlabelled(seed, epoch * self.unlabelled_count, self.unlabelled_count)
        together = chosen + [len(self.labelled) + index for index in more]
        return [together[i] for i in torch.randperm(len(together), generator=generator)]

    def _unlabelled(self, seed: int, start: int, count: int) -> list[int]:
        """Returns `count` indices from position `start` of an endless sequence of rounds. Each round shows every
        picture."""
        number, begin = divmod(start, epoch_length(self.unlabelled))
        row: list[int] = []
        while len(row) < begin + count:
            row += draw(self.unlabelled, torch.Generator().manual_seed(key_of(seed, -1 - number)))
            number += 1
        return row[begin : begin + count]


def key_of(seed: int, epoch: int) -> int:
    """Returns the random seed of an epoch. The seeds of its pictures are the following numbers."""
    return ((seed * 100_003 + epoch) * 10_000_019) % 2**63


def draw(factors: Tensor, generator: torch.Generator) -> list[int]:
    """Returns indices of samples in random order, each as often as its factor, rounded down or up. The total is the sum
    of the factors."""
    offset = torch.rand((), generator=generator, dtype=torch.float64)
    edges = (factors.double().cumsum(0) + offset).floor().long()
    counts = edges.diff(prepend=edges.new_zeros(1))
    indices = torch.arange(len(factors)).repeat_interleave(counts)
    shuffled = indices[torch.randperm(len(indices), generator=generator)]
    chosen: list[int] = shuffled[: epoch_length(factors)].tolist()
    return chosen


def epoch_length(factors: Tensor) -> int:
    """Returns the number of pictures that each epoch shows."""
    return max(1, int(factors.double().sum() + 1e-6))
