"""Lets one process at a time use a folder, or a file that is being written. The system releases a lock when its holder
ends in any way."""

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
LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # errors of file systems without locks

_held: set[int] = set()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks `folder`, creating it if it is missing. Raises FullconvError if another process has locked it.

    The lock file lies in the folder only while the lock is held. A lock file left by a killed process does no harm.
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
        with suppress(OSError):  # the folder is not empty
            for place in made:
                place.rmdir()


def _take(folder: Path) -> int:
    path = folder / NAME
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            hold(handle, path)
        except FileNotFoundError:  # the last holder has just removed it
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
    try:
        os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())
    except OSError:
        _release(handle, path)
        raise
    return handle


def _release(handle: int, path: Path) -> None:
    # Windows cannot remove an open file; on other systems, only an open one can be removed safely
    with suppress(OSError):
        path.unlink()
    release(handle)
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink()


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 200).decode(errors="replace") or "another process"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds an existing file or folder.

    Raises BlockingIOError if another process holds it, FileNotFoundError if it was just removed, and OSError if the
    file system has no locks.
    """
    # Windows does not remove open files, so no lock is needed; folders cannot be locked there
    if sys.platform == "win32":
        if path.is_dir():
            raise PermissionError(path)
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        hold(handle, path)
        yield
    finally:
        release(handle)


def hold(handle: int, path: Path) -> None:
    """Holds the opened file `path` until `release`. Raises the same errors as `held`."""
    _lock(handle)
    with suppress(OSError):
        if os.path.samestat(os.fstat(handle), path.stat()):
            _held.add(handle)
            return
    raise FileNotFoundError(path)


def release(handle: int) -> None:
    _held.discard(handle)
    os.close(handle)


def _release_in_child() -> None:
    """A forked worker inherits the open handles and could keep them after its parent has ended."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the written bytes, so that other processes can read them
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    os.register_at_fork(after_in_child=_release_in_child)
