"""The one exception that users meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FullconvError(Exception):
    """Something the user can mend. The message is one line: what was wrong, where, and what to do."""


class MissingExtra(FullconvError, ImportError):
    """A library that an extra brings is not installed."""


def missing_extra(library: str, extra: str) -> MissingExtra:
    """The error for a library that is not installed, naming the extra that brings it."""
    return MissingExtra(f"{library} is not installed; run: pip install 'fullconv[{extra}]'")


@contextmanager
def told_of(place: Path | str) -> Iterator[None]:
    """Whatever is wrong inside is said to be wrong there: in a file, or in what the words name."""
    try:
        yield
    except FullconvError as error:
        raise FullconvError(f"{place}: {error}") from None
