"""Runs work in parallel and yields the results in order. As many items are in progress at once as memory allows.

One thread starts all items in order, so a deadlock is impossible. The next item starts when it fits into the memory
budget together with all items in progress. An item is in progress until its result has been consumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    weighed: Iterable[tuple[Item, int]],
    begin: Callable[[Item, int], Future[Result]],
    most: int,
    at_once: int,
) -> Iterator[tuple[Item, Future[Result]]]:
    """Yields each item with the future that `begin` returned for it, in order.

    `weighed`: (item, bytes that it needs); `begin` gets both. `most`: bytes for all items in progress. `at_once`: the
    number of items in progress. An item that needs more than `most` counts as 0 bytes, because `begin` is expected to
    refuse it.
    """
    waiting = iter(weighed)
    following: tuple[Item, int] | None = None
    in_progress: deque[tuple[Item, Future[Result], int]] = deque()
    held = 0
    while True:
        while len(in_progress) < at_once and (following := following or next(waiting, None)):
            item, need = following
            taken = need if need <= most else 0
            if held + taken > most:
                break
            in_progress.append((item, begin(item, need), taken))
            held, following = held + taken, None
        if not in_progress:
            return
        item, future, taken = in_progress.popleft()
        yield item, future
        held -= taken
