"""Files and folders that a living process holds. The system lets go of them when it dies, however it dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_held: set[int] = set()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds a file or folder that is there.

    Raises BlockingIOError where somebody else holds it, FileNotFoundError where it was just removed, and OSError where
    the file system has no locks.
    """
    if sys.platform == "win32":  # an open file cannot be removed there, so nobody need ask; of a folder nobody can tell
        if path.is_dir():
            raise PermissionError(path)
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        hold(handle, path)
        yield
    finally:
        let_go(handle)


def hold(handle: int, path: Path) -> None:
    """Holds what was opened, `path`, until let_go. Raises as `held` does."""
    _lock(handle)
    with suppress(OSError):
        if os.path.samestat(os.fstat(handle), path.stat()):
            _held.add(handle)
            return
    raise FileNotFoundError(path)


def let_go(handle: int) -> None:
    _held.discard(handle)
    os.close(handle)


def _let_go_in_child() -> None:
    """A forked worker has its own copy of what is open, which might outlive its parent."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond what is written there, which others may then read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    os.register_at_fork(after_in_child=_let_go_in_child)
