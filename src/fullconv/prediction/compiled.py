"""Keeps compiled networks between runs, in the user's cache folder."""

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
LIMIT = 512 * 2**20  # bytes of all kept blobs, over all models; a small network takes 13 MB


class BlobCache:
    """The compiled forms (blobs) of one graph on one machine. A lost blob costs only time, so errors of writing are
    ignored.

    `content` is a digest of the files of the graph. A blob is code that the processor runs. It is therefore used only
    if it begins with the right digest, and if nobody else can write to the folder.
    """

    def __init__(self, content: str, machine: str) -> None:
        root = cache_folder()
        self.folder = root / FOLDER / content[:32] if root else None
        self.network = f"{content} {machine}"

    @property
    def is_there(self) -> bool:
        """Whether there are blobs of this graph, for any shape."""
        return self.folder is not None and self.folder.is_dir() and self._is_own(self.folder)

    def read(self, key: tuple[Any, ...]) -> bytes | None:
        """Returns the blob for this shape, or None if there is none or it is damaged."""
        if self.folder is None or not self.is_there:
            return None
        path = self.folder / self._name(key)
        try:
            os.utime(path)  # marks it as used, because `trim` removes the least recently used first
            with path.open("rb") as file:
                digest, blob = file.read(DIGEST), file.read()
        except OSError:
            return None
        return blob if digest == self._digest(key, blob) else None

    def write(self, key: tuple[Any, ...], blob: bytes) -> None:
        """Keeps the blob for this shape, if the folder is safe and can be written."""
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
        """Returns the digest of network and shape, so that a blob under a wrong name is not used, and a checksum of the
        blob. The checksum only protects against damage: SHA-256 of the blob took a twentieth of a cold start."""
        return hashlib.sha256(f"{self.network} {key}".encode()).digest() + zlib.crc32(blob).to_bytes(4)

    @staticmethod
    def _is_own(folder: Path) -> bool:
        """Whether the folder and its parent belong to this user or to root, and nobody else can write to them."""
        if sys.platform == "win32":  # there, only the user can write to the user's own folders
            return True
        stats = (folder.stat(), folder.parent.stat())
        return all(stat.st_uid in (os.geteuid(), 0) and not stat.st_mode & OTHERS_WRITE for stat in stats)


def digest_of(files: Iterable[Path]) -> str:
    """Returns one SHA-256 digest of the content of all files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def trim(folder: Path, limit: int) -> None:
    """Removes the least recently used blobs until the others take at most `limit` bytes."""
    blobs = sorted(((path.stat(), path) for path in folder.glob("*/*.blob")), key=lambda pair: -pair[0].st_mtime)
    total = 0
    for stat, path in blobs:
        total += stat.st_size
        if total > limit:
            path.unlink(missing_ok=True)


def cache_folder() -> Path | None:
    """Returns the folder named by FULLCONV_CACHE, or the system's usual one if the variable is unset or empty. None for
    a user without a home folder."""
    if named := os.environ.get("FULLCONV_CACHE"):
        return Path(named)
    try:
        return _place_of_system() / "fullconv"
    except RuntimeError:  # the system does not know the user id, which is common in containers
        return None


def _place_of_system() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
