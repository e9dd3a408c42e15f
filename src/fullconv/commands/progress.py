"""Bars with the time left, on a terminal, while pictures, windows of rasters or frames are done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import click

from fullconv.commands.stopping import stop_if_asked
from fullconv.commands.terminal import is_watched

Item = TypeVar("Item")


def with_bar(items: Iterator[Item], number: int, hidden: bool = False) -> Iterator[Item]:
    """The same items behind a bar, where somebody watches and there is something to wait for."""
    with click.progressbar(items, number, file=sys.stderr, hidden=hidden or number <= 1 or not is_watched()) as bar:
        yield from bar


@dataclass
class WindowsDone:
    """A bar for one raster after another, by windows; called from any thread, where it also ends what is to stop."""

    hidden: bool
    source: Path | None = None
    bar: Any = None

    def __call__(self, source: Path, done: int, total: int) -> None:
        stop_if_asked()
        if self.source is None:
            self.source = source
            self.bar = click.progressbar(length=total, label=source.name, file=sys.stderr, hidden=self.hidden)
            self.bar.update(done - 1)
            self.bar.start = time.time()
        if self.source == source:
            self.bar.update(done - self.bar.pos)
            if done == total:
                self.bar.render_finish()
                self.source = None


@contextmanager
def frames_bar(source: Path, most: int | None, hidden: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A bar for a video; gives what is to be called after each frame."""
    with click.progressbar(
        count(), label=click.format_filename(source.name), file=sys.stderr, hidden=hidden, show_pos=True
    ) as bar:

        def see(frames: int, expected: int | None) -> None:
            bar.length = most or expected
            bar.update(1)

        yield see
