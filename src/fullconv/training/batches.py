"""The batches of an epoch: each process has its share of each, in parts that fit its memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError
from fullconv.training.loop import Batch, Part
from fullconv.training.pictures import TrainingPicture
from fullconv.training.processes import rank_and_count
from fullconv.training.recipe import Recipe
from fullconv.training.transforms import NOTHING, Epoch


def load_epoch(
    samples: Sequence[Sample | TrainingPicture], recipe: Recipe, epoch: int, factors: Tensor, device: torch.device
) -> Iterator[Batch]:
    """This process's share of every batch. A GPU also makes the random changes; workers then only read."""
    pictures = Epoch(samples, recipe, epoch, factors)
    shares = shares_of(len(pictures), recipe.batch_size, *rank_and_count())
    in_parts = partial(parts_of, count=recipe.accumulate)
    augments_here = device.type != "cpu"
    pictures.augments = not augments_here
    workers = recipe.workers if recipe.workers is not None else max(1, min(8, (os.cpu_count() or 1) - 1))
    collate: Any = list if augments_here else in_parts
    loader = DataLoader(
        pictures, batch_sampler=shares, num_workers=workers, collate_fn=collate, pin_memory=augments_here
    )
    for batch in told_plainly(loader):
        yield (
            in_parts([pictures.change(image, labels, position, device) for image, labels, position in batch])
            if augments_here
            else batch
        )


def shares_of(pictures: int, batch_size: int, rank: int, count: int) -> list[list[int]]:
    """For each batch of `batch_size` positions, those that process `rank` of `count` sees.

    All processes see equally many, which collective operations ask for: what an uneven last batch lacks is filled with
    NOTHING, a picture that is wholly void. Every position occurs once over all processes.
    """
    batches = [range(start, min(start + batch_size, pictures)) for start in range(0, pictures, batch_size)]
    shares = [list(batch[rank::count]) for batch in batches]
    sizes = [-(-len(batch) // count) for batch in batches]
    return [share + [NOTHING] * (size - len(share)) for share, size in zip(shares, sizes, strict=True)]


def parts_of(pictures: Sequence[Part], count: int) -> list[Part]:
    """At most `count` stacks of about equally many pictures."""
    size = -(-len(pictures) // count)
    groups = [pictures[start : start + size] for start in range(0, len(pictures), size)]
    return [(torch.stack([i for i, _ in group]), torch.stack([m for _, m in group])) for group in groups]


def told_plainly(batches: Iterable[Any]) -> Iterator[Any]:
    """The same batches; an error in a worker comes wrapped in its traceback, of which the last line is for the user."""
    try:
        yield from batches
    except FullconvError as error:
        last = str(error).strip().splitlines()[-1]
        raise FullconvError(last.removeprefix(f"{FullconvError.__module__}.{FullconvError.__name__}: ")) from None
