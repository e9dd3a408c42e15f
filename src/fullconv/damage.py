"""Whatever a file of a stranger's makes its reader raise is one line for the user."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullconv.errors import Damaged, FullconvError

SHOWN = 200  # characters of a reason
OF_CONTENT = (None, errno.EINVAL)  # numbers of errors that decoders raise, and a jump to before the file's beginning


@contextmanager
def as_one_line(place: Path | str, what: str, remedy: str = "export it again") -> Iterator[None]:
    """Readers of foreign formats raise anything on damaged files: each kind for itself cannot be foreseen."""
    try:
        yield
    except FullconvError:
        raise
    except Exception as error:
        if not is_damage(error):
            raise unavailable(place, error) from None
        raise Damaged(f"{place}: cannot be read as {what} ({reason_of(error)}); {remedy}") from None


def is_damage(error: BaseException) -> bool:
    """Whether the reason is the content of the file, rather than memory, the disk or permissions."""
    of_the_system = isinstance(error, OSError) and error.errno not in OF_CONTENT
    return not of_the_system and not isinstance(error, MemoryError)


def kind_of(error: BaseException) -> type[FullconvError]:
    """What a reader raises for it."""
    return Damaged if is_damage(error) else FullconvError


def unavailable(place: Path | str, error: BaseException) -> FullconvError:
    """The error for a file that memory, the disk or permissions keep from being read."""
    if isinstance(error, MemoryError):
        return FullconvError(f"{place}: does not fit in the memory that is available; make it smaller")
    reason = getattr(error, "strerror", None) or reason_of(error)
    return FullconvError(f"{place}: cannot be read ({reason}); check its permissions and its disk")


def reason_of(error: BaseException) -> str:
    """In one line, without what tells of the code rather than of the file."""
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
