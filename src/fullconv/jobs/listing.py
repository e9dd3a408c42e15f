"""The list of files to process, each with a unique name. It is an SQLite table on disk, so memory does not grow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath

from fullconv.tables import table_on_disk
from fullconv.words import counted

Found = tuple[int, str, PurePath]  # number of the input that led to a file, the file, its path relative to that input
COLUMNS = "file BLOB PRIMARY KEY, source BLOB, relative BLOB, input INTEGER, place BLOB, name BLOB"
SHARED = "name IN (SELECT name FROM files GROUP BY name HAVING COUNT(*) > 1)"


class Listing:
    """Iterates over (source, name without extension) of each file, ordered by input, then by path.

    If files would share a name, the extension is added, then the name of the folder, then the whole path. A file that
    was found twice is listed once.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self.table = table_on_disk("files", COLUMNS, shared=True)
        rows = ((whole(source), source, str(path), number, "\0".join(PurePath(source).parts))
                for number, source, path in found)  # fmt: skip
        self.table.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, NULL)", map(_encoded, rows))
        for longer, which in ((plain, "TRUE"), (with_extension, SHARED), (with_folder, SHARED), (with_all, SHARED)):
            self.table.create_function("longer", 2, _on_bytes(longer), deterministic=True)
            self.table.execute(f"UPDATE files SET name = longer(file, relative) WHERE {which}")

    def __len__(self) -> int:
        (count,) = self.table.execute("SELECT COUNT(*) FROM files").fetchone()
        return int(count)

    def __contains__(self, path: Path) -> bool:
        """Whether the path is one of the listed files."""
        key = [os.fsencode(whole(str(path)))]
        return self.table.execute("SELECT 1 FROM files WHERE file = ?", key).fetchone() is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for source, name in self.table.execute("SELECT source, name FROM files ORDER BY input, place"):
            yield os.fsdecode(source), os.fsdecode(name)


class LeftOut:
    """The files in the folders that are not pictures. A file that was found twice counts once."""

    def __init__(self) -> None:
        self.table = table_on_disk("files", "file BLOB PRIMARY KEY, kind BLOB")

    def add(self, path: PurePath) -> None:
        row = os.fsencode(whole(str(path))), os.fsencode(path.suffix.lower() or "without an ending")
        self.table.execute("INSERT OR IGNORE INTO files VALUES (?, ?)", row)

    def __str__(self) -> str:
        """Returns "3 files skipped: .psd" or "5 files skipped: .psd 3, .txt 2", or "" if there are none."""
        rows = self.table.execute("SELECT kind, COUNT(*) FROM files GROUP BY kind ORDER BY COUNT(*) DESC, kind")
        kinds = [(os.fsdecode(kind), count) for kind, count in rows]
        total = sum(count for _, count in kinds)
        named = ", ".join(kind if len(kinds) == 1 else f"{kind} {count}" for kind, count in kinds)
        return f"{counted(total, 'file')} skipped: {named}" if total else ""


def plain(file: str, relative: PurePath) -> PurePath:
    """sub/a.jpg → sub/a"""
    return relative.with_suffix("")


def with_extension(file: str, relative: PurePath) -> PurePath:
    """sub/a.jpg → sub/a_jpg"""
    return relative.with_name(relative.name.replace(".", "_"))


def with_folder(file: str, relative: PurePath) -> PurePath:
    """/photos/one/a.jpg, found as a.jpg → one/a_jpg"""
    return PurePath(PurePath(file).parent.name) / with_extension(file, relative)


def with_all(file: str, relative: PurePath) -> PurePath:
    """/photos/one/a.jpg → photos/one/a_jpg"""
    path = PurePath(file)
    return PurePath(*with_extension(file, path).parts[1:])


def whole(source: str) -> str:
    """Returns the same text for the same file, whether it was given as a relative or an absolute path."""
    return source if "://" in source else os.path.abspath(source)


def _encoded(row: tuple[str | int, ...]) -> tuple[bytes | int, ...]:
    """Encodes names as bytes, because SQLite cannot store names that are not valid UTF-8 as text."""
    return tuple(os.fsencode(value) if isinstance(value, str) else value for value in row)


def _on_bytes(longer: Callable[[str, PurePath], PurePath]) -> Callable[[bytes, bytes], bytes]:
    return lambda file, relative: os.fsencode(str(longer(os.fsdecode(file), PurePath(os.fsdecode(relative)))))
