"""Reads and writes files on disk and objects in stores (s3://, gs://, …) in the same way, through pyarrow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fullconv.errors import FullconvError, missing_extra

PATIENCE = 1.0, 5.0  # seconds before each retry if a store does not answer; pyarrow has tried three times by then
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Place:
    """A file, object or folder: `path` in the file system `store`. `scheme` is "s3", for example, or "" on disk.

    The methods raise FullconvError if a store does not answer after several tries.
    """

    store: Any
    path: str
    scheme: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}" if self.scheme else self.path

    def at(self, path: str) -> Place:
        """Returns another path in the same store."""
        return Place(self.store, path, self.scheme)

    def below(self, name: str) -> Place:
        return self.at(f"{self.path.rstrip('/')}/{name}")

    def stamp(self) -> tuple[int, int] | None:
        """Returns (size in bytes, time of modification in nanoseconds), or None if there is no such file."""
        return _stamp(self._ask(lambda: self.store.get_file_info(self.path)))

    def files(self) -> Iterator[tuple[Place, tuple[int, int]]]:
        """Yields all files below a folder, each with its stamp."""
        fs = import_fs()
        selector = fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        for info in self._ask(lambda: self.store.get_file_info(selector)):
            stamp = _stamp(info)
            if stamp:
                yield self.at(info.path), stamp

    def fetch(self, file: Path) -> None:
        """Downloads it to a file on disk."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._ask(lambda: self._fetch(file))

    def put(self, file: Path) -> None:
        """Uploads a file on disk. Object stores show an object only once it is complete."""
        self._ask(lambda: self._put(file))

    def _fetch(self, file: Path) -> None:
        with self.store.open_input_stream(self.path) as stream, file.open("wb") as copy:
            while block := stream.read(2**20):
                copy.write(block)

    def _put(self, file: Path) -> None:
        with file.open("rb") as content, self.store.open_output_stream(self.path) as stream:
            while block := content.read(2**20):
                stream.write(block)

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Returns the answer. If a store fails, it is asked again after a pause. Errors of a disk are raised at
        once."""
        for pause in PATIENCE if self.scheme else ():
            with suppress(OSError):
                return question()
            time.sleep(pause)
        try:
            return question()
        except OSError as error:
            if not self.scheme:
                raise
            reason = " ".join(str(error).split())
            raise FullconvError(
                f"{self}: {reason}; check the address, credentials and network, then use --resume"
            ) from None


def place(text: str) -> Place:
    """Parses s3://bucket/folder, or a path on disk. Raises FullconvError if the address is not valid."""
    fs = import_fs()
    if "://" not in text:
        return Place(fs.LocalFileSystem(), os.path.abspath(text), "")
    try:
        store, path = fs.FileSystem.from_uri(text)
    except (ValueError, OSError) as error:
        raise FullconvError(f"{text}: not an object store URL ({error})") from None
    return Place(store, path, text.partition("://")[0])


def relative(file: Place, folder: Place) -> PurePosixPath:
    return PurePosixPath(file.path).relative_to(folder.path)


def _stamp(info: Any) -> tuple[int, int] | None:
    return (info.size, info.mtime_ns) if info.is_file else None


def import_fs() -> Any:
    try:
        from pyarrow import fs
    except ImportError:
        raise missing_extra("pyarrow", "ray") from None
    return fs
