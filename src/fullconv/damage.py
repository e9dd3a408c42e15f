"""Whatever a file of a stranger's makes its reader raise is one line for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fullconv.errors import FullconvError

SHOWN = 200  # characters of a reason


@contextmanager
def as_one_line(place: Path | str, what: str, remedy: str = "export it again") -> Iterator[None]:
    """Readers of foreign formats raise anything on damaged files: each kind for itself cannot be foreseen."""
    try:
        yield
    except FullconvError:
        raise
    except Exception as error:
        raise FullconvError(f"{place}: cannot be read as {what} ({reason_of(error)}); {remedy}") from None


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
