"""Records in predictions.jsonl, beside the results, which files fullconv wrote. It never replaces any others.

The files of a picture are recorded before they are written, so that a run after a killed one recognises them. A file
belongs to the target of the line that names it. The target is the start of the names of one picture's files.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError, argument
from fullconv.outputs.superseded import superseded

NAME = "predictions.jsonl"
BEGUN, WRITES = "begun", "writes"  # of the line that comes before the files; MAY_WRITE: some of them
MAY_WRITE = "may_write"
REMOVED = "removed"  # of the line that comes after them: files of earlier runs
ANY_PAGE = "_page*"  # in a name of MAY_WRITE: any page
Line = dict[str, Any]


class Manifest:
    """Appends lines to the manifest of folder `out`, from any thread. Each begins with `head`.

    With `overwrite`, existing files are replaced, except those written since this was opened, and those that are still
    to be read according to `is_input`.
    """

    def __init__(
        self,
        out: Path,
        head: Line | None = None,
        overwrite: bool = False,
        is_input: Callable[[Path], bool] = lambda path: False,
    ) -> None:
        """Raises OSError if nothing can be written there, and FullconvError if the file is not a manifest."""
        self.out, self.head, self.overwrite, self.is_input = out, head or {}, overwrite, is_input
        out.mkdir(parents=True, exist_ok=True)
        self.file = _opened(out / NAME)
        self.lock, self.opened_at = threading.RLock(), self.file.seek(0, os.SEEK_END)
        self.under_way: dict[Path, Path] = {}  # files that are being written → their targets
        self.removed = 0  # number of files of earlier runs
        self.asked: Collection[str] = ()  # the classes asked for; empty means all

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        """Records that these files will be written. Raises FullconvError if one of them does not belong to the
        target."""
        with self.lock:
            self.check(target, paths)
            self.under_way |= dict.fromkeys(paths, target)
            self.write({BEGUN: name_in(self.out, target), WRITES: [name_in(self.out, path) for path in paths]})

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        with self.lock:
            for path in paths:
                other = self.under_way.get(path, target)
                if other != target:
                    raise _twice(path, name_in(self.out, other))
                if os.path.lexists(path):
                    self._check_existing(name_in(self.out, target), path)

    def _check_existing(self, target: str, path: Path) -> None:
        owner, place = owners_in(self.out).of(name_in(self.out, path))
        if owner == target:
            return
        if owner is not None and place >= self.opened_at:
            raise _twice(path, owner)
        if self.is_input(path):
            raise FullconvError(f"{path}: a result would replace this input picture; choose another folder")
        if not self.overwrite:
            raise in_the_way(path)

    def end(self, target: Path, line: Line, outputs: Collection[str] = ()) -> None:
        """Records the result, after removing what an earlier run wrote of the same `outputs` and this one did not.
        Nothing more is written for this target."""
        removed = self._remove_superseded(name_in(self.out, target), line["outputs"], outputs) if outputs else []
        self.write(line | ({REMOVED: removed} if removed else {}))
        with self.lock:
            self.under_way = {path: other for path, other in self.under_way.items() if other != target}

    def _remove_superseded(self, target: str, written: Collection[str], outputs: Collection[str]) -> list[str]:
        """Returns the names of the files that are gone now."""
        earlier = owners_in(self.out).names(target) if self.opened_at else []
        left = [name for name in earlier if name not in written]
        removed = []
        for name in superseded(target, left, outputs, self.asked) if left else ():
            with suppress(OSError):  # it is not there, or stays
                if not self.is_input(self.out / name):
                    (self.out / name).unlink()
                    removed.append(name)
        with self.lock:
            self.removed += len(removed)
        return removed

    def write(self, line: Line) -> None:
        """When this returns, the system has the line: killing the process does not lose it."""
        content = (json.dumps({**self.head, **line}) + "\n").encode()  # ASCII only, because names may not be UTF-8
        with self.lock:
            if self.file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self.file.close()


def in_the_way(path: Path | str) -> FullconvError:
    return FullconvError(
        f"{path}: exists, and no earlier run wrote it; choose another folder for the results, "
        f"or replace it with {argument('overwrite', True)}"
    )


def _twice(path: Path, other: str) -> FullconvError:
    return FullconvError(f"{path}: this run also writes it for {other}; rename one of the two pictures")


def _opened(path: Path) -> FileIO:
    """Opens the file for appending, and ends a line that was cut off."""
    first, last = _ends(path)
    if first is not None and not _is_line(first):
        raise FullconvError(f"{path}: exists, and fullconv did not create it; move it, or choose another folder")
    file = path.open("ab", buffering=0)
    if last not in (None, b"\n"):
        file.write(b"\n")
    return file


def _ends(path: Path) -> tuple[bytes | None, bytes | None]:
    """Returns the first line and the last byte, or None if the file is empty."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        first = file.readline()
        if first:
            file.seek(-1, os.SEEK_END)
            return first, file.read()
    return None, None


def _is_line(raw: bytes) -> bool:
    """Whether it may be one of our lines. On a full disk, only its beginning may have been written."""
    return any(raw.startswith(head) or head.startswith(raw.rstrip()) for head in (b'{"run": "', b'{"begun": "'))


class Owners:
    """Finds the owner of each file in `out`, from its manifest as it grows. The table is on disk."""

    def __init__(self, out: Path) -> None:
        from fullconv.tables import table_on_disk

        columns = "name TEXT PRIMARY KEY, target TEXT, place INTEGER, sure INTEGER"
        self.table = table_on_disk("owners", columns, shared=True)
        self.table.execute("CREATE INDEX targets ON owners(target)")
        self.path, self.read, self.lock = out / NAME, 0, threading.Lock()
        self.identity: tuple[int, int] | None = None

    def of(self, name: str) -> tuple[str | None, int]:
        """Returns (target, position in the manifest) of the last line that named it, or (None, 0)."""
        with self.lock:
            self._catch_up()
        return self.known(name)

    def known(self, name: str) -> tuple[str | None, int]:
        """Returns the same, from what has been read so far."""
        for one in dict.fromkeys((name, of_any_page(name))):
            with self.lock:
                row = self.table.execute(
                    "SELECT target, place FROM owners WHERE name = ?", [json.dumps(one)]
                ).fetchone()
            if row:
                return json.loads(row[0]), row[1]
        return None, 0

    def names(self, target: str) -> list[str]:
        """Returns the files that were certainly written for a target."""
        with self.lock:
            self._catch_up()
            rows = self.table.execute("SELECT name FROM owners WHERE target = ? AND sure", [json.dumps(target)])
            return sorted(json.loads(name) for (name,) in rows)

    def _catch_up(self) -> None:
        """Reads the lines that were added, or all of them if it is another file by now."""
        try:
            stat = self.path.stat()
        except OSError:
            stat = None
        identity = (stat.st_dev, stat.st_ino) if stat else None
        if identity != self.identity or (stat and stat.st_size < self.read):
            self.table.execute("DELETE FROM owners")
            self.read, self.identity = 0, identity
        if stat and stat.st_size > self.read:
            for place, line in self._added():
                self._take(place, line)

    def _added(self) -> Iterator[tuple[int, Line]]:
        """Yields complete lines, each with its position. They then count as read."""
        with self.path.open("rb") as file:
            file.seek(self.read)
            for raw in file:
                if raw.endswith(b"\n"):
                    place, self.read = self.read, self.read + len(raw)
                    line = read_line(raw)
                    if isinstance(line, dict):
                        yield place, line

    def _take(self, place: int, line: Line) -> None:
        target = json.dumps(line.get(BEGUN, line.get("target")))
        names = line.get(WRITES) or line.get("outputs") or line.get(MAY_WRITE) or ()
        if "outputs" in line:  # no other file that might have been written was written
            self.table.execute("DELETE FROM owners WHERE target = ? AND NOT sure", [target])
        gone = [(json.dumps(name), target) for name in line.get(REMOVED, ())]
        self.table.executemany("DELETE FROM owners WHERE name = ? AND target = ?", gone)
        rows = [(json.dumps(name), target, place, MAY_WRITE not in line) for name in names]
        self.table.executemany(
            "INSERT INTO owners VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET place = excluded.place, "
            "sure = excluded.sure OR (sure AND target = excluded.target), target = excluded.target",
            rows,
        )


def owners_in(out: Path) -> Owners:
    """Returns the owners. They are cached, because manifests may be long."""
    return _owners(os.path.realpath(out), os.getpid())


@lru_cache(maxsize=64)
def _owners(out: str, process: int) -> Owners:
    return Owners(Path(out))


class Results:
    """Whether files are results of earlier runs, from the manifests in their folders and in those above."""

    def __init__(self) -> None:
        self.places = lru_cache(maxsize=4096)(self._places)

    def __contains__(self, path: Path) -> bool:
        if path.name == NAME:
            return True
        folder = Path(os.path.realpath(path.parent))
        return any(owners_in(top).of(name_in(top, folder / path.name))[0] is not None for top in self.places(folder))

    def _places(self, folder: Path) -> tuple[Path, ...]:
        """Returns the folders with a manifest, from `folder` upwards."""
        above = self.places(folder.parent) if folder.parent != folder else ()
        return (folder, *above) if (folder / NAME).is_file() else above


def read_line(raw: bytes) -> Any:
    """Returns None for a line that is not JSON: it was cut off by a full disk or a crash."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def of_any_page(name: str) -> str:
    """ "a_page3_labels.png" → "a_page*_labels.png". Other names do not change."""
    found = re.fullmatch(r"(.*)_page\d+([_.][^/]*)", name, re.DOTALL)
    return f"{found[1]}{ANY_PAGE}{found[2]}" if found else name


def name_in(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()


def names_in(out: Path, paths: Sequence[Path]) -> list[str]:
    return [name_in(out, path) for path in paths]
