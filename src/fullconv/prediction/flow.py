"""Things done side by side and given in order, as many at once as memory allows.

One thread begins them all, so there is nothing to wait for in a circle: what comes next is begun once all that is under
way, and it, are within the budget. Nothing overtakes it. What is done is under way until it is taken.
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
    """Each item with what `begin` gave for it, `at_once` at a time. Each comes with the bytes that it takes, which
    `begin` is told, too: `most` in all. It refuses an item of more than `most`, which so weighs nothing."""
    waiting = iter(weighed)
    following: tuple[Item, int] | None = None
    under_way: deque[tuple[Item, Future[Result], int]] = deque()
    held = 0
    while True:
        while len(under_way) < at_once and (following := following or next(waiting, None)):
            item, need = following
            taken = need if need <= most else 0
            if held + taken > most:
                break
            under_way.append((item, begin(item, need), taken))
            held, following = held + taken, None
        if not under_way:
            return
        item, future, taken = under_way.popleft()
        yield item, future
        held -= taken
