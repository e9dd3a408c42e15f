"""Compiled networks kept between runs, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from fullconv.files import write_whole


class BlobCache:
    """Compiled forms of one graph on one machine. Losing it costs time only, so no failure to write is an error."""

    def __init__(self, graph: Path, machine: str) -> None:
        content = hashlib.sha256(graph.read_bytes()).hexdigest()[:16]
        self.folder = cache_folder() / "compiled" / content
        self.machine = machine

    def read(self, key: tuple[Any, ...]) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except OSError:
            return None

    def write(self, key: tuple[Any, ...], blob: bytes) -> None:
        try:
            write_whole(self._path(key), lambda hidden: hidden.write_bytes(blob))
        except OSError:
            return

    def _path(self, key: tuple[Any, ...]) -> Path:
        return self.folder / f"{hashlib.sha256(f'{self.machine} {key}'.encode()).hexdigest()[:24]}.blob"


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
