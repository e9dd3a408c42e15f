"""Compiled networks kept between runs, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fullconv.files import write_whole

LIMIT = 512 * 2**20  # bytes of blobs kept, over all models; a small network compiled for one shape is 13 MB


class BlobCache:
    """Compiled forms of one graph on one machine. Losing it costs time only, so no failure to write is an error.

    `content` is a digest of all that makes the graph.
    """

    def __init__(self, content: str, machine: str) -> None:
        self.folder = cache_folder() / "compiled" / content[:16]
        self.machine = machine

    @property
    def is_there(self) -> bool:
        """Whether a form of it has been kept, for whatever shape."""
        return self.folder.is_dir()

    def read(self, key: tuple[Any, ...]) -> bytes | None:
        path = self._path(key)
        try:
            os.utime(path)  # it was of use: the least recently used go first
            return path.read_bytes() or None
        except OSError:
            return None

    def write(self, key: tuple[Any, ...], blob: bytes) -> None:
        try:
            write_whole(self._path(key), lambda hidden: hidden.write_bytes(blob))
            trim(self.folder.parent, LIMIT)
        except OSError:
            return

    def _path(self, key: tuple[Any, ...]) -> Path:
        return self.folder / f"{hashlib.sha256(f'{self.machine} {key}'.encode()).hexdigest()[:24]}.blob"


def digest_of(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def trim(folder: Path, limit: int) -> None:
    """Removes the blobs that were used longest ago until those that stay hold at most `limit` bytes."""
    blobs = sorted(((path.stat(), path) for path in folder.glob("*/*.blob")), key=lambda pair: -pair[0].st_mtime)
    total = 0
    for stat, path in blobs:
        total += stat.st_size
        if total > limit:
            path.unlink(missing_ok=True)


def cache_folder() -> Path:
    """FULLCONV_CACHE, else the place that the system has for such files."""
    if "FULLCONV_CACHE" in os.environ:
        return Path(os.environ["FULLCONV_CACHE"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "fullconv"
