"""The batches of an epoch. Each process has a share of each batch, in parts that fit in memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader

from fullconv.errors import FullconvError
from fullconv.processors import PROCESSORS
from fullconv.training.epoch import NOTHING, Epoch, Pictures
from fullconv.training.loop import Batch
from fullconv.training.objective import MicroBatch
from fullconv.training.processes import end_with_parent, rank_and_count
from fullconv.training.recipe import Recipe


def load_epoch(pictures: Pictures, recipe: Recipe, number: int, device: torch.device) -> Generator[Batch, None, None]:
    """Yields this process's share of every batch. A GPU also makes the random changes; workers then only read."""
    epoch = Epoch(pictures, recipe, number)
    shares = shares_of(len(epoch), recipe.batch_size, *rank_and_count())
    in_parts = partial(parts_of, count=recipe.accumulate)
    augments_here = device.type != "cpu"
    epoch.augments = not augments_here
    workers = recipe.workers if recipe.workers is not None else max(1, min(8, PROCESSORS - 1))
    collate: Any = list if augments_here else in_parts
    loader = DataLoader(
        epoch, batch_sampler=shares, num_workers=workers, collate_fn=collate, pin_memory=augments_here,
        worker_init_fn=end_with_parent,
    )  # fmt: skip
    for batch in with_plain_errors(loader):
        yield in_parts([epoch.change(item, device) for item in batch]) if augments_here else batch


def shares_of(pictures: int, batch_size: int, rank: int, count: int) -> list[list[int]]:
    """Returns, for each batch of `batch_size` positions, those of process `rank` of `count`.

    Collective operations need equal numbers of pictures in all processes, so an uneven last batch is filled up with
    NOTHING, a picture that is all void. Every position occurs once over all processes.
    """
    batches = [range(start, min(start + batch_size, pictures)) for start in range(0, pictures, batch_size)]
    shares = [list(batch[rank::count]) for batch in batches]
    sizes = [-(-len(batch) // count) for batch in batches]
    return [share + [NOTHING] * (size - len(share)) for share, size in zip(shares, sizes, strict=True)]


def parts_of(pictures: Sequence[MicroBatch], count: int) -> list[MicroBatch]:
    """Returns at most `count` stacks with about equal numbers of pictures."""
    size = -(-len(pictures) // count)
    return [stacked(pictures[start : start + size]) for start in range(0, len(pictures), size)]


def stacked(pictures: Sequence[MicroBatch]) -> MicroBatch:
    images, labels, taught = zip(*pictures, strict=True)
    return MicroBatch(torch.stack(images), torch.stack(labels), None if taught[0] is None else torch.stack(taught))


def with_plain_errors(batches: Iterable[Any]) -> Iterator[Any]:
    """Yields the same batches. An error in a worker arrives with its traceback as text; only its last line is for the
    user."""
    try:
        yield from batches
    except FullconvError as error:
        last = str(error).strip().splitlines()[-1]
        raise FullconvError(last.removeprefix(f"{FullconvError.__module__}.{FullconvError.__name__}: ")) from None
