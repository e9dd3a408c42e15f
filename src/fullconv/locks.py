"""One process at a time in a folder: a lock that the system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.living import hold, let_go

NAME = ".fullconv.lock"
LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # what file systems without locks say


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
