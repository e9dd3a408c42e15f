"""The one exception that users meet, and how it names what they gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_flags = False  # whether the user is at the command line


class FullconvError(Exception):
    """Something the user can mend. The message is one line: what was wrong, where, and what to do."""


class Damaged(FullconvError):
    """The content of a file cannot be read. Until the file changes, another attempt would fail in the same way."""


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


def argument(name: str, value: Any = None) -> str:
    """What the user calls an argument in a message: tile=64 in Python, --tile 64 at the command line."""
    if not _flags:
        return name if value is None else f"{name}={value!r}"
    flag = f"--{name.replace('_', '-')}"
    return flag if value is None or value is True else f"{flag} {value}"


def meant(word: str, choices: Iterable[str]) -> str:
    """ "; did you mean …?", where one of the choices is near; else nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), list(choices), 1)
    return f"; did you mean {near[0]}?" if near else ""


@contextmanager
def in_flags() -> Iterator[None]:
    """Messages made in here are for the command line."""
    global _flags  # noqa: PLW0603
    before, _flags = _flags, True
    try:
        yield
    finally:
        _flags = before
