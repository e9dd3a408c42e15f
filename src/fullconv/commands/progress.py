"""Progress bars on a terminal, with the time left: for pictures, tiles of rasters, and frames."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import click

from fullconv.commands.stopping import stop_if_asked
from fullconv.commands.terminal import is_watched

Item = TypeVar("Item")


def with_bar(items: Iterable[Item], number: int, hidden: bool = False) -> Iterator[Item]:
    """Yields the items under a progress bar. There is no bar for a single item, or if standard error is no terminal."""
    with click.progressbar(items, number, file=sys.stderr, hidden=hidden or number <= 1 or not is_watched()) as bar:
        yield from bar


def each_with_bar(items: Sequence[Item]) -> Iterator[Item]:
    """Does the same as `with_bar`, for a sequence."""
    return with_bar(items, len(items))


@dataclass
class TilesDone:
    """A progress bar that counts the tiles of one raster after another. It is called after each tile, in any
    thread, and raises `Stopped` there if the command is to stop."""

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
    """Shows a progress bar for a video. Gives a function to call after each frame, with (frames, expected frames)."""
    with click.progressbar(
        count(), label=click.format_filename(source.name), file=sys.stderr, hidden=hidden, show_pos=True
    ) as bar:

        def advance(frames: int, expected: int | None) -> None:
            bar.length = most or expected
            bar.update(1)

        yield advance
