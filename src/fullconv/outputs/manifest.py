"""predictions.jsonl beside the results: it says which files there are fullconv's own. No others are ever replaced.

What will be written for a picture is noted first and written then, so that a run after one that was killed knows its
files again. A file belongs to the target of the line that names it, which is what the names of one picture's files
begin with.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError, argument

NAME = "predictions.jsonl"
BEGUN, WRITES = "begun", "writes"  # of the line that comes before the files; MAY_WRITE: some of them
MAY_WRITE = "may_write"
ANY_PAGE = "_page*"  # in a name of MAY_WRITE: of whichever page
Line = dict[str, Any]


class Manifest:
    """Lines added to the manifest of folder `out`, from any thread; each begins with `head`.

    With `overwrite` whatever is in the way is replaced, except what was written since this was opened, and what
    `is_input` says is still to be read.
    """

    def __init__(
        self,
        out: Path,
        head: Line | None = None,
        overwrite: bool = False,
        is_input: Callable[[Path], bool] = lambda path: False,
    ) -> None:
        """Raises OSError where nothing can be written there, FullconvError where the file is somebody else's."""
        self.out, self.head, self.overwrite, self.is_input = out, head or {}, overwrite, is_input
        out.mkdir(parents=True, exist_ok=True)
        self.file = _opened(out / NAME)
        self.lock, self.opened_at = threading.RLock(), self.file.seek(0, os.SEEK_END)
        self.under_way: dict[Path, Path] = {}  # files that are being written → their targets

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        """Notes that these will be written. Raises FullconvError where one of them is not the target's to write."""
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

    def end(self, target: Path, line: Line) -> None:
        """Tells what became of it; nothing more is written for it."""
        self.write(line)
        with self.lock:
            self.under_way = {path: other for path, other in self.under_way.items() if other != target}

    def write(self, line: Line) -> None:
        """The line is the system's when this returns: killing the process does not lose it."""
        content = (json.dumps({**self.head, **line}) + "\n").encode()  # ASCII only: for names that are no UTF-8
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
    """To be added to; a line that was cut off is ended."""
    first, last = _ends(path)
    if first is not None and not _is_line(first):
        raise FullconvError(f"{path}: exists, and fullconv did not create it; move it, or choose another folder")
    file = path.open("ab", buffering=0)
    if last not in (None, b"\n"):
        file.write(b"\n")
    return file


def _ends(path: Path) -> tuple[bytes | None, bytes | None]:
    """First line and last byte; None where there is nothing."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        first = file.readline()
        if first:
            file.seek(-1, os.SEEK_END)
            return first, file.read()
    return None, None


def _is_line(raw: bytes) -> bool:
    """Whether it may be one of ours: on a full disk, no more than its beginning may have been written."""
    return any(raw.startswith(head) or head.startswith(raw.rstrip()) for head in (b'{"run": "', b'{"begun": "'))


class Owners:
    """Whose the files in `out` are, by its manifest, as far as that has grown. The table lies on disk."""

    def __init__(self, out: Path) -> None:
        from fullconv.tables import table_on_disk

        columns = "name TEXT PRIMARY KEY, target TEXT, place INTEGER, sure INTEGER"
        self.table = table_on_disk("owners", columns, shared=True)
        self.table.execute("CREATE INDEX unsure ON owners(target) WHERE NOT sure")
        self.path, self.read, self.lock = out / NAME, 0, threading.Lock()
        self.identity: tuple[int, int] | None = None

    def of(self, name: str) -> tuple[str | None, int]:
        """(target, place in the manifest) of the last line that named it; (None, 0): it is nobody's."""
        with self.lock:
            self._catch_up()
        return self.known(name)

    def known(self, name: str) -> tuple[str | None, int]:
        """The same, by what was read so far."""
        for one in dict.fromkeys((name, of_any_page(name))):
            with self.lock:
                row = self.table.execute(
                    "SELECT target, place FROM owners WHERE name = ?", [json.dumps(one)]
                ).fetchone()
            if row:
                return json.loads(row[0]), row[1]
        return None, 0

    def _catch_up(self) -> None:
        """Reads the lines that were added; all of them, where it is another file by now."""
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
        """Lines that are whole, each with its place; afterwards they count as read."""
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
        if "outputs" in line:  # of what might have been written, nothing else was
            self.table.execute("DELETE FROM owners WHERE target = ? AND NOT sure", [target])
        rows = [(json.dumps(name), target, place, MAY_WRITE not in line) for name in names]
        self.table.executemany(
            "INSERT INTO owners VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET place = excluded.place, "
            "sure = excluded.sure OR (sure AND target = excluded.target), target = excluded.target",
            rows,
        )


def owners_in(out: Path) -> Owners:
    """Kept from one question to the next, since manifests may be long."""
    return _owners(os.path.realpath(out), os.getpid())


@lru_cache(maxsize=64)
def _owners(out: str, process: int) -> Owners:
    return Owners(Path(out))


class Results:
    """Which files are results of earlier runs, by the manifests in their folders and in those above."""

    def __init__(self) -> None:
        self.places = lru_cache(maxsize=4096)(self._places)

    def __contains__(self, path: Path) -> bool:
        if path.name == NAME:
            return True
        folder = Path(os.path.realpath(path.parent))
        return any(owners_in(top).of(name_in(top, folder / path.name))[0] is not None for top in self.places(folder))

    def _places(self, folder: Path) -> tuple[Path, ...]:
        """Folders with a manifest, from `folder` upwards."""
        above = self.places(folder.parent) if folder.parent != folder else ()
        return (folder, *above) if (folder / NAME).is_file() else above


def read_line(raw: bytes) -> Any:
    """None for what is no JSON: a line that was cut off by a full disk or a crash."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def of_any_page(name: str) -> str:
    """ "a_page3_labels.png" → "a_page*_labels.png"; other names as they are."""
    found = re.fullmatch(r"(.*)_page\d+([_.][^/]*)", name, re.DOTALL)
    return f"{found[1]}{ANY_PAGE}{found[2]}" if found else name


def name_in(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()


def names_in(out: Path, paths: Sequence[Path]) -> list[str]:
    return [name_in(out, path) for path in paths]
