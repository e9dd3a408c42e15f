"""The exceptions for mistakes that users can correct, and how messages name what the user gave."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_flags = False  # whether messages are for the command line


class FullconvError(Exception):
    """An error that the user can correct. The message is one line: what is wrong, where, and what to do."""


class UnknownValue(FullconvError):
    """The value of an argument does not exist or has not the form of that argument, whatever the files contain."""


class Damaged(FullconvError):
    """The content of a file cannot be read. Until the file changes, another attempt would fail in the same way."""


class MissingExtra(FullconvError, ImportError):
    """A library from an optional extra is not installed."""


def missing_extra(library: str, extra: str) -> MissingExtra:
    """Returns the error for a library that is not installed; it names the extra to install."""
    return MissingExtra(f"{library} is not installed; run: pip install 'fullconv[{extra}]'")


@contextmanager
def prefix_errors(place: Path | str) -> Iterator[None]:
    """Puts `place` (a file, or words for something else) in front of the message of any FullconvError raised inside."""
    try:
        yield
    except FullconvError as error:
        raise FullconvError(f"{place}: {error}") from None


def argument(name: str, value: Any = None) -> str:
    """Returns an argument as the user would write it: tile=64 in Python, --tile 64 on the command line."""
    if not _flags:
        return name if value is None else f"{name}={value!r}"
    flag = f"--{name.replace('_', '-')}"
    return flag if value is None or value is True else f"{flag} {shlex.quote(str(value))}"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Returns "; did you mean …?" if one of the choices is similar to `word`, otherwise an empty string."""
    near = nearest(word, choices)
    return f"; did you mean {near}?" if near else ""


def no_class(name: str, names: Collection[str]) -> str:
    """Returns the message for a name that is not one of these classes."""
    return f"no class {name!r}; the classes are {', '.join(names)}{suggestion(name, names)}"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Returns the choice that is most similar to `word`, in any case, or None if none is similar."""
    from difflib import get_close_matches

    spelt = {choice.lower(): choice for choice in choices}
    near = get_close_matches(str(word).lower(), spelt, 1)
    return spelt[near[0]] if near else None


@contextmanager
def messages_with_flags() -> Iterator[None]:
    """Inside this block, messages name arguments as command-line flags."""
    global _flags  # noqa: PLW0603
    before, _flags = _flags, True
    try:
        yield
    finally:
        _flags = before
