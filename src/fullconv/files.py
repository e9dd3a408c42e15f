"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

HIDDEN = re.compile(r"\.(?P<stem>.+)-[0-9a-f]{8}\.part([.-].*)?", re.DOTALL)  # SQLite's journal has a dash


def hidden_beside(path: Path, suffix: str = "") -> Path:
    """A hidden name that nobody else has. A process id would not do: in containers every process has the same."""
    return path.with_name(f".{path.stem}-{secrets.token_hex(4)}.part{suffix}")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to fill, renamed at the end: nobody ever sees half of a file under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = hidden_beside(path, path.suffix)  # the suffix tells writers the format
    try:
        yield hidden
        os.replace(hidden, path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


class NoPlainFile(OSError):
    """A pipe, which would be waited for, or a device, which may never end."""


def open_plain(path: Path) -> BinaryIO:
    """A file to be read. Raises NoPlainFile for a pipe, a device or a socket, OSError for what cannot be opened."""
    if not path.is_file() and path.exists() and not path.is_dir():
        raise NoPlainFile(errno.EINVAL, "a pipe, a device or a socket, and no file")
    return path.open("rb")


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    with whole(path) as hidden:
        write(hidden)
    return path


def sweep(folder: Path, targets: Iterable[Path]) -> None:
    """Removes the hidden files, anywhere below `folder`, of writers that were killed at files of these targets.

    A target is what names begin with: dog of dog_labels.png and dog.json.
    """
    left: dict[str, list[str]] = defaultdict(list)
    for place, _, names in os.walk(folder):
        for match in filter(None, map(HIDDEN.fullmatch, names)):
            for start in beginnings(match["stem"]):
                left[os.path.join(place, start)].append(os.path.join(place, match[0]))
    for target in targets if left else ():
        for path in left.get(str(target), ()):
            with suppress(OSError):  # it is in nobody's way
                os.unlink(path)


def beginnings(stem: str) -> Iterator[str]:
    """Of dog_red_cat: dog, dog_red, dog_red_cat."""
    yield from (stem[: mark.start()] for mark in re.finditer(r"[_.]|$", stem))


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`: the files put there move to `folder` together, when all went well."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = hidden_beside(folder / "new")
    hidden.mkdir()
    try:
        yield hidden
        for path in sorted(hidden.iterdir()):  # .bin before .xml, which is what a reader looks for
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def files_under(folder: Path) -> Iterator[Path]:
    """Every file in `folder` and below, read entry by entry: a folder may hold millions.

    Links to folders are followed. Each folder is read once, under its own path where it has one here, so that links
    in a circle end; what may not be read is left out.
    """
    seen: set[tuple[int, int]] = set()
    links = deque([folder])
    while links:
        inside = [links.popleft()]
        while inside:
            place = inside.pop()
            with suppress(PermissionError, FileNotFoundError):
                if is_new(place, seen):
                    yield from _entries(place, inside, links)


def is_new(place: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether this folder, under whatever name, is not among `seen`; from now on it is."""
    stat = place.stat()
    number = stat.st_dev, stat.st_ino
    new = number not in seen
    seen.add(number)
    return new


def goes_round(path: str | Path) -> bool:
    """Whether a link on the way to `path` leads back to a folder that it lies in."""
    folders = [Path(path), *Path(path).parents]
    links = (folder for folder in folders if folder.is_symlink() and folder.is_dir())
    return any(link.parent.resolve().is_relative_to(link.resolve()) for link in links)


def _entries(place: Path, folders: list[Path], links: deque[Path]) -> Iterator[Path]:
    """The files; folders and links to folders are appended for later."""
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.is_dir():
                links.append(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)


def write_json(path: Path, value: Any) -> Path:
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return write_whole(path, lambda hidden: hidden.write_text(text, encoding="utf-8"))
