"""Compiled networks kept between runs, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fullconv.files import sweep, write_whole

FOLDER = "networks"
DIGEST = 32 + 4  # bytes
OTHERS_WRITE = 0o022
LIMIT = 512 * 2**20  # bytes of blobs kept, over all models; a small network compiled for one shape is 13 MB


class BlobCache:
    """Compiled forms of one graph on one machine. Losing it costs time only, so no failure to write is an error.

    `content` is a digest of all that makes the graph. A compiled network is code that the processor runs: one is only
    believed with its digest in front, and from a folder that nobody else can write.
    """

    def __init__(self, content: str, machine: str) -> None:
        root = cache_folder()
        self.folder = root / FOLDER / content[:32] if root else None
        self.network = f"{content} {machine}"

    @property
    def is_there(self) -> bool:
        """Whether a form of it has been kept, for whatever shape."""
        return self.folder is not None and self.folder.is_dir() and self._is_own(self.folder)

    def holds(self, key: tuple[Any, ...]) -> bool:
        """Whether a form for this shape seems to be there."""
        return self.folder is not None and (self.folder / self._name(key)).is_file()

    def read(self, key: tuple[Any, ...]) -> bytes | None:
        """None where none was kept, or what was kept is not what was written."""
        if self.folder is None or not self.is_there:
            return None
        path = self.folder / self._name(key)
        try:
            os.utime(path)  # it was of use: the least recently used go first
            with path.open("rb") as file:
                digest, blob = file.read(DIGEST), file.read()
        except OSError:
            return None
        return blob if digest == self._digest(key, blob) else None

    def write(self, key: tuple[Any, ...], blob: bytes) -> None:
        if self.folder is None:
            return
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._is_own(self.folder):
                content = self._digest(key, blob) + blob
                sweep(self.folder)
                write_whole(self.folder / self._name(key), lambda hidden: hidden.write_bytes(content))
                trim(self.folder.parent, LIMIT)
        except OSError:
            return

    def _name(self, key: tuple[Any, ...]) -> str:
        return f"{hashlib.sha256(f'{self.network} {key}'.encode()).hexdigest()[:24]}.blob"

    def _digest(self, key: tuple[Any, ...], blob: bytes) -> bytes:
        """Of the network and the shape, so that a blob under another's name is not believed; and a checksum of the
        blob, which is against damage alone: SHA-256 of it took a twentieth of a cold start."""
        return hashlib.sha256(f"{self.network} {key}".encode()).digest() + zlib.crc32(blob).to_bytes(4)

    @staticmethod
    def _is_own(folder: Path) -> bool:
        """Whether it, and that above it, belong to this user or to root, and nobody else can write there."""
        if sys.platform == "win32":  # the user's own folders are the user's there
            return True
        stats = (folder.stat(), folder.parent.stat())
        return all(stat.st_uid in (os.geteuid(), 0) and not stat.st_mode & OTHERS_WRITE for stat in stats)


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


def cache_folder() -> Path | None:
    """FULLCONV_CACHE, else the place that the system has for such files; None for a user without a home. A variable
    that is set to nothing is as good as none."""
    if named := os.environ.get("FULLCONV_CACHE"):
        return Path(named)
    try:
        return _place_of_system() / "fullconv"
    except RuntimeError:  # a user id that the system does not know, as in containers
        return None


def _place_of_system() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
