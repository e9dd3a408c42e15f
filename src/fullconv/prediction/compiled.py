"""Compiled networks kept between runs, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from fullconv.files import write_whole

LIMIT = 512 * 2**20  # bytes of blobs kept, over all models; a small network compiled for one shape is 13 MB


class BlobCache:
    """Compiled forms of one graph on one machine. Losing it costs time only, so no failure to write is an error."""

    def __init__(self, graph: Path, machine: str) -> None:
        files = (file for file in (graph, graph.with_suffix(".bin")) if file.exists())  # OpenVINO parts them
        content = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
        self.folder = cache_folder() / "compiled" / content
        self.machine = machine

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
