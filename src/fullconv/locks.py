"""One process at a time: folders, and files that are being written, are held by a lock that the system lets go of when
its holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fullconv.errors import FullconvError

NAME = ".fullconv.lock"
LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # what file systems without locks say

_held: set[int] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds `folder`, which is made where it is missing. Raises FullconvError where another process holds it.

    The file that is locked lies in it only meanwhile; one that a killed process left is in nobody's way.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]  # the innermost first
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _take(folder)
    except OSError as error:
        raise FullconvError(f"{folder}: cannot be written ({error.strerror or error}); choose another") from None
    try:
        yield
    finally:
        _release(handle, folder / NAME)
        with suppress(OSError):  # something was written there
            for place in made:
                place.rmdir()


def _take(folder: Path) -> int:
    path = folder / NAME
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            hold(handle, path)
        except FileNotFoundError:  # its last holder has just removed it
            os.close(handle)
            continue
        except (BlockingIOError, PermissionError):
            holder = _holder(handle)
            os.close(handle)
            raise FullconvError(f"{folder}: in use by {holder}; wait until it ends, or choose another folder") from None
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise
        break
    os.truncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
    return handle


def _release(handle: int, path: Path) -> None:
    with suppress(OSError):  # Windows removes no open file, other systems only an open one safely
        path.unlink()
    let_go(handle)
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink()


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 200).decode(errors="replace") or "another process"


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
