"""Turns any error that a reader raises on a damaged file into one line for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullconv.errors import Damaged, FullconvError

SHOWN = 200  # characters of a reason
OF_CONTENT = (None, errno.EINVAL)  # error numbers that decoders raise, including a seek to before the start of the file


@contextmanager
def as_one_line(place: Path | str, what: str, remedy: str = "export it again") -> Iterator[None]:
    """Turns any exception into a FullconvError of one line. Readers of foreign formats can raise anything on damaged
    files, so the types cannot be listed."""
    try:
        yield
    except FullconvError:
        raise
    except Exception as error:
        if not is_damage(error):
            raise unavailable(place, error) from None
        raise Damaged(f"{place}: cannot be read as {what} ({reason_of(error)}); {remedy}") from None


def is_damage(error: BaseException) -> bool:
    """Whether the content of the file is the cause, rather than memory, the disk or permissions."""
    of_the_system = isinstance(error, OSError) and error.errno not in OF_CONTENT
    return not of_the_system and not isinstance(error, MemoryError)


def error_type(error: BaseException) -> type[FullconvError]:
    """Returns the exception type that a reader should raise for `error`."""
    return Damaged if is_damage(error) else FullconvError


def unavailable(place: Path | str, error: BaseException) -> FullconvError:
    """Returns the error for a file that cannot be read because of memory, the disk or permissions."""
    if isinstance(error, MemoryError):
        return FullconvError(f"{place}: does not fit in the memory that is available; make it smaller")
    reason = getattr(error, "strerror", None) or reason_of(error)
    return FullconvError(f"{place}: cannot be read ({reason}); check its permissions and its disk")


def reason_of(error: BaseException) -> str:
    """Returns the reason in one line, without details that concern the code rather than the file."""
    text = " ".join(str(error).split())[:SHOWN]
    match error:
        case KeyError():
            return f"no {text}"
        case MemoryError():
            return "does not fit in memory"
        case RecursionError():
            return "nested too deeply"
        case OverflowError():
            return "a number that is too large"
    return text or type(error).__name__
