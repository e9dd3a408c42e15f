"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from fullconv.errors import FullconvError, argument
from fullconv.locks import held

HIDDEN = re.compile(r"\.(?P<stem>.+)-(?P<number>[0-9a-f]{8})\.part([.-].*)?", re.DOTALL)  # SQLite's journal has a dash


def hidden_beside(path: Path, suffix: str = "") -> Path:
    """A hidden name that nobody else has. A process id would not do: in containers every process has the same."""
    return path.with_name(f".{path.stem}-{secrets.token_hex(4)}.part{suffix}")


@contextmanager
def hidden_file(path: Path) -> Iterator[Path]:
    """A new hidden file beside `path`, with its suffix, which tells writers the format. No sweep takes it."""
    with _new_hidden(path, path.suffix, partial(Path.touch, exist_ok=False)) as hidden:
        yield hidden


@contextmanager
def hidden_folder(path: Path) -> Iterator[Path]:
    """A new hidden folder beside `path`, which is removed in the end unless it was renamed. No sweep takes it."""
    with _new_hidden(path, "", Path.mkdir) as hidden:
        try:
            yield hidden
        finally:
            shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def _new_hidden(path: Path, suffix: str, make: Callable[[Path], object]) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        while True:
            hidden = hidden_beside(path, suffix)
            make(hidden)
            try:
                stack.enter_context(held(hidden))
            except (BlockingIOError, FileNotFoundError):
                continue  # a sweep came first, which took it for that of a killed process
            except OSError:
                pass  # a file system without locks
            break
        yield hidden


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to fill, renamed at the end: nobody ever sees half of a file under its name."""
    with hidden_file(path) as hidden:
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
        raise NoPlainFile(errno.EINVAL, "a pipe, a device or a socket, not a file")
    return path.open("rb")


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    with whole(path) as hidden:
        write(hidden)
    return path


def write_alone(path: Path, write: Callable[[Path], object]) -> Path:
    """A file of which a command writes one. What a killed process left of the same file is removed."""
    sweep_beside(path)
    return write_whole(path, write)


def sweep(folder: Path, targets: Iterable[Path] | None = None) -> None:
    """Removes what killed writers left, hidden, anywhere below `folder`: all of it, or that of files of these targets.

    A target is what names begin with: dog of dog_labels.png and dog.json. What a living process writes stays.
    """
    left: dict[str, list[list[Path]]] = defaultdict(list)
    for place, folders, names in os.walk(folder):
        for stem, group in _hidden_in(Path(place), [*folders, *names]):
            for start in beginnings(stem):
                left[os.path.join(place, start)].append(group)
        folders[:] = [name for name in folders if not HIDDEN.fullmatch(name)]
    for target in left if targets is None else targets if left else ():
        for group in left.get(str(target), ()):
            _remove_dead(group)


def sweep_beside(path: Path) -> None:
    """Removes what killed writers of `path` left, a file or a folder."""
    if path.parent.is_dir():
        for stem, group in _hidden_in(path.parent, os.listdir(path.parent)):
            if stem == path.stem:
                _remove_dead(group)


def beginnings(stem: str) -> Iterator[str]:
    """Of dog_red_cat: dog, dog_red, dog_red_cat."""
    yield from (stem[: mark.start()] for mark in re.finditer(r"[_.]|$", stem))


def _hidden_in(place: Path, names: Iterable[str]) -> Iterator[tuple[str, list[Path]]]:
    """(stem, hidden files of one writer): SQLite's journal belongs to its database."""
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for match in filter(None, map(HIDDEN.fullmatch, names)):
        groups[match["stem"], match["number"]].append(place / match[0])
    yield from ((stem, group) for (stem, _), group in groups.items())


def _remove_dead(paths: Sequence[Path]) -> None:
    """Removes the hidden files or the folder of one writer, unless it lives or that cannot be told."""
    with suppress(OSError), ExitStack() as stack:  # what stays is in nobody's way
        for path in paths:
            stack.enter_context(held(path))
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`: the files put there move to `folder` together, when all went well."""
    sweep_beside(folder / "new")
    with hidden_folder(folder / "new") as hidden:
        yield hidden
        paths = sorted(hidden.iterdir())  # .bin before .xml, which is what a reader looks for
        if len(paths) > 1:  # a process that is killed in between leaves no old .xml with a new .bin
            (folder / paths[-1].name).unlink(missing_ok=True)
        for path in paths:
            os.replace(path, folder / path.name)


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


def path_of(name: str, given: Any) -> Path:
    """What was given as the argument `name`, as a path."""
    if not isinstance(given, (str, os.PathLike)):
        raise FullconvError(f"{argument(name)}: give a string or a path, not {kind_of(given)}")
    return Path(given)


def kind_of(given: Any) -> str:
    """ "None", "of type int" """
    if given is None:
        return "None"
    return f"of type {type(given).__module__}.{type(given).__qualname__}".replace("builtins.", "")
