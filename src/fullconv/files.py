"""Writes files so that they appear complete or not at all."""

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
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from fullconv.errors import FullconvError, argument
from fullconv.locks import held

PROBE = 2**16  # bytes
# Folders that archives of macOS, Windows, Linux and Synology have: no data of the user's. In lower case.
OF_SYSTEMS = frozenset(["__macosx", "$recycle.bin", "system volume information", "lost+found", "@eadir"])
HIDDEN = re.compile(r"\.(?P<stem>.+)-(?P<number>[0-9a-f]{8})\.part([.-].*)?", re.DOTALL)  # SQLite's journal has a dash

# bytes: of the longest name that every file system takes (eCryptfs), of what a long one is cut to, of an ending
LONGEST, CUT, ENDING = 143, 100, 20
ADDED = len(".-01234567.part-journal")


def hidden_beside(path: Path, suffix: str = "") -> Path:
    """Returns a hidden name that is not in use. A process id is not enough: in containers, processes share the same
    ids."""
    suffix = suffix if len(os.fsencode(suffix)) <= ENDING else ""
    fits = len(os.fsencode(path.stem + suffix)) + ADDED <= LONGEST
    stem = path.stem if fits else cut(path.stem)
    return path.with_name(f".{stem}-{secrets.token_hex(4)}.part{suffix}")


def cut(stem: str) -> str:
    """Returns the beginning of a name: at most CUT bytes, so that a hidden name fits where the name itself does."""
    while len(os.fsencode(stem)) > CUT:
        stem = stem[:-1]
    return stem


@contextmanager
def hidden_file(path: Path) -> Iterator[Path]:
    """Yields a new hidden file beside `path`, with the same suffix, because writers choose the format by it. Sweeps
    leave it alone while this process runs."""
    with _new_hidden(path, path.suffix, partial(Path.touch, exist_ok=False)) as hidden:
        yield hidden


@contextmanager
def hidden_folder(path: Path) -> Iterator[Path]:
    """Yields a new hidden folder beside `path`. It is removed at the end unless it was renamed. Sweeps leave it alone
    while this process runs."""
    with _new_hidden(path, "", Path.mkdir) as hidden:
        try:
            yield hidden
        except Exception as error:
            raise _with_file_name(error, path, hidden) from None
        finally:
            shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def _new_hidden(path: Path, suffix: str, make: Callable[[Path], object]) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        while True:
            hidden = hidden_beside(path, suffix)
            try:
                make(hidden)
            except OSError as error:
                raise _with_file_name(error, path, hidden) from None
            try:
                stack.enter_context(held(hidden))
            except (BlockingIOError, FileNotFoundError):
                continue  # a sweep took it for a file of a killed process
            except OSError:
                pass  # the file system has no locks
            break
        yield hidden


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields a hidden path beside `path` to fill. It is renamed at the end, so nobody ever sees an incomplete file."""
    with hidden_file(path) as hidden:
        try:
            yield hidden
            os.replace(hidden, path)
        except BaseException as error:
            named = _with_file_name(error, path, hidden)
            hidden.unlink(missing_ok=True)
            raise named from None


def _with_file_name(error: BaseException, path: Path, hidden: Path) -> BaseException:
    """Names the file to be written in an error whose cause is the disk, whichever library raised it."""
    if isinstance(error, Exception) and not isinstance(error, (OSError, FullconvError)):
        error = _of_disk(hidden, error) or error
    if isinstance(error, OSError) and error.errno is not None:
        names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
        if not names or any(name.startswith(str(hidden)) for name in names):
            return OSError(error.errno, error.strerror, str(path))  # a new one: that of PyAV cannot be changed
    return error


def _of_disk(place: Path, error: Exception) -> OSError | None:
    """Returns the error of the disk behind `error`. C libraries report a full disk in their own words or the system's.
    Otherwise it is found by writing a little more to this file, or in this folder."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        if os.strerror(number) in str(error):
            return OSError(number, os.strerror(number))
    try:
        with (place / "probe" if place.is_dir() else place).open("ab") as file:
            file.write(bytes(PROBE))
    except OSError as cause:
        return cause
    return None


class NoPlainFile(OSError):
    """A pipe, which would block until somebody writes to it, or a device, which may never end."""


def open_plain(path: Path) -> BinaryIO:
    """Opens a file for reading. Raises NoPlainFile for a pipe, device or socket, and OSError if it cannot be opened."""
    if not path.is_file() and path.exists() and not path.is_dir():
        raise NoPlainFile(errno.EINVAL, "a pipe, a device or a socket, not a file")
    return path.open("rb")


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    with whole(path) as hidden:
        write(hidden)
    return path


def write_alone(path: Path, write: Callable[[Path], object]) -> Path:
    """Writes a file that only one process writes at a time, and removes what a killed process left of it."""
    sweep_beside(path)
    return write_whole(path, write)


def sweep(folder: Path, targets: Iterable[Path] | None = None) -> None:
    """Removes the hidden files that killed writers left in `folder` or below: all of them, or those of these targets.

    A target is the start of file names: dog for dog_labels.png and dog.json. Files of running processes stay.
    """
    left: dict[str, list[list[Path]]] = defaultdict(list)
    for place, folders, names in os.walk(folder):
        for stem, group in _hidden_in(Path(place), [*folders, *names]):
            for start in possible_targets(stem):
                left[os.path.join(place, start)].append(group)
        folders[:] = [name for name in folders if not HIDDEN.fullmatch(name)]
    for target in left if targets is None else targets if left else ():
        path = Path(target)
        for name in {path.name, cut(path.name)}:
            for group in left.get(os.path.join(path.parent, name), ()):
                _remove_dead(group)


def sweep_beside(path: Path) -> None:
    """Removes the hidden files or folders that killed writers of `path` left."""
    if path.parent.is_dir():
        for stem, group in _hidden_in(path.parent, os.listdir(path.parent)):
            if stem in (path.stem, cut(path.stem)):
                _remove_dead(group)


def possible_targets(stem: str) -> Iterator[str]:
    """Yields each possible target of a name. For dog_red_cat: dog, dog_red, dog_red_cat."""
    yield from (stem[: mark.start()] for mark in re.finditer(r"[_.]|$", stem))


def _hidden_in(place: Path, names: Iterable[str]) -> Iterator[tuple[str, list[Path]]]:
    """Yields (stem, hidden files of one writer). SQLite's journal belongs to its database."""
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for match in filter(None, map(HIDDEN.fullmatch, names)):
        groups[match["stem"], match["number"]].append(place / match[0])
    yield from ((stem, group) for (stem, _), group in groups.items())


def _remove_dead(paths: Sequence[Path]) -> None:
    """Removes the hidden files or the folder of one writer, unless that writer is running or cannot be identified."""
    with suppress(OSError), ExitStack() as stack:  # files that stay do no harm
        for path in paths:
            stack.enter_context(held(path))
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yields a hidden folder inside `folder`. If nothing fails, its files are then moved to `folder` together."""
    sweep_beside(folder / "new")
    with hidden_folder(folder / "new") as hidden:
        yield hidden
        paths = sorted(hidden.iterdir())  # .bin before .xml, because readers look for the .xml
        if len(paths) > 1:  # so that a process killed in between leaves no old .xml beside a new .bin
            (folder / paths[-1].name).unlink(missing_ok=True)
        for path in paths:
            os.replace(path, folder / path.name)


def files_under(
    folder: Path, unread: Callable[[Path, FullconvError], object] | None = None, deep: bool = True
) -> Iterator[Path]:
    """Yields every file in `folder`, and below if `deep`, entry by entry, because a folder may hold millions.

    Hidden ones are left out. Links to folders are followed. Each folder is read once, under its real path if that lies
    inside `folder`, so circular links end. A link that leads nowhere is yielded if its name is that of a file, so that
    reading it reports what is wrong. `unread` gets each folder that cannot be read, and the error; without it, the
    first error is raised.
    """
    seen: set[tuple[int, int]] = set()
    links = deque([folder])
    while links:
        inside = [links.popleft()]
        while inside:
            place = inside.pop()
            try:
                if is_new(place, seen):
                    yield from _entries(place, inside, links)
            except OSError as error:
                removed = error.errno == errno.ENOENT and not place.is_symlink()
                if not removed and error.errno != errno.ELOOP:  # a link to itself
                    (unread or _refuse)(place, _not_read(place, error))
            if not deep:
                inside, links = [], deque(filter(leads_nowhere, links))


def _not_read(place: Path, error: OSError) -> FullconvError:
    reason = error.strerror or error
    if leads_nowhere(place):
        return FullconvError(f"{place}: a link to {os.readlink(place)} ({reason}); mend or remove it")
    return FullconvError(f"{place}: cannot be read ({reason}); check its permissions and its disk")


def _refuse(place: Path, error: FullconvError) -> None:
    raise error


def is_hidden(relative: PurePath) -> bool:
    """Whether the file, or a folder above it, is hidden. Unfinished rasters are in hidden folders."""
    return any(map(_is_hidden_name, relative.parts))


def _is_hidden_name(name: str) -> bool:
    """Whether this is the name of something hidden, or of what systems put among the user's files."""
    return name.startswith(".") or name.lower() in OF_SYSTEMS


def glob_in(folder: Path, pattern: str) -> list[Path]:
    """Returns the matches, sorted, without hidden ones."""
    return sorted(path for path in folder.glob(pattern) if not is_hidden(path.relative_to(folder)))


def is_new(place: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether this folder, by any name, is not yet in `seen`. Adds it to `seen`."""
    found = place.stat()
    number = found.st_dev, found.st_ino
    new = number not in seen
    seen.add(number)
    return new


def has_link_loop(path: str | Path) -> bool:
    """Whether a link on the way to `path` points back to a folder that contains it."""
    folders = [Path(path), *Path(path).parents]
    links = (folder for folder in folders if folder.is_symlink() and folder.is_dir())
    return any(link.parent.resolve().is_relative_to(link.resolve()) for link in links)


def _entries(place: Path, folders: list[Path], links: deque[Path]) -> Iterator[Path]:
    """Yields the files. Folders, and links to folders, are appended to the queues."""
    with os.scandir(place) as entries:
        for entry in entries:
            if _is_hidden_name(entry.name):
                continue
            path = Path(entry.path)
            if entry.is_symlink():
                lost = leads_nowhere(path)
                if not path.suffix if lost else path.is_dir():
                    links.append(path)
                elif lost or path.is_file():
                    yield path
            elif entry.is_dir():
                folders.append(path)
            elif entry.is_file():
                yield path


def leads_nowhere(path: Path) -> bool:
    """Whether this is a link to nothing, to itself, or to a place that may not be entered."""
    if not path.is_symlink():
        return False
    try:
        path.stat()
    except OSError:
        return True
    return False


def write_json(path: Path, value: Any) -> Path:
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return write_whole(path, lambda hidden: hidden.write_text(text, encoding="utf-8"))


def path_of(name: str, given: Any) -> Path:
    """What was given as the argument `name`, as a path."""
    if not isinstance(given, (str, os.PathLike)):
        raise FullconvError(f"{argument(name)}: give a string or a path, not {kind_of(given)}")
    if not os.fspath(given):  # as from an unset variable; it would be the current folder
        raise FullconvError(f"{argument(name)}: is empty; give a name, or a path such as . for the current folder")
    return Path(given)


def kind_of(given: Any) -> str:
    """ "None", "of type int" """
    if given is None:
        return "None"
    return f"of type {type(given).__module__}.{type(given).__qualname__}".replace("builtins.", "")
