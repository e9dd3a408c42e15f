"""Finds the label file of each picture, as YOLO (Ultralytics) places them."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv import images
from fullconv.files import files_under

IMAGES, LABELS, SUFFIX = "images", "labels", ".txt"


@dataclass(frozen=True)
class Found:
    """The label files by picture, and those that belong to no picture."""

    of: Mapping[Path, Path]
    alone: tuple[Path, ...]


def labels_of(image: Path) -> Path:
    """Returns the label file of a picture: the last folder called images is called labels there."""
    folders, last = list(image.parts), max((i for i, part in enumerate(image.parts) if part == IMAGES), default=None)
    if last is not None:
        folders[last] = LABELS
    return Path(*folders).with_suffix(SUFFIX)


def folder_of(pictures: Path) -> Path:
    """Returns the folder of the label files for a folder of pictures."""
    return labels_of(pictures / "a").parent


def find_labels(pictures: Sequence[Path], files: Iterable[Path]) -> Found:
    """A picture without a file of its own name gets the only one whose name differs in upper and lower case (B.txt for
    b.jpg, a.TXT) or in how accents are stored, as file systems of Windows and macOS do."""
    found = {picture: path for picture in pictures if (path := labels_of(picture)).is_file()}
    left = _by_likeness(_untaken(files, found.values()))
    lacking = _by_likeness({labels_of(picture): picture for picture in pictures if picture not in found})
    for name, some in lacking.items():
        if len(some) == len(left.get(name, ())) == 1:
            found[some[0]] = left.pop(name)[0]
    return Found(found, tuple(path for some in left.values() for path in some))


def _by_likeness(files: Mapping[Path, Path]) -> dict[str, list[Path]]:
    """{key: values of `files`}, which maps paths to the path that counts."""
    alike: dict[str, list[Path]] = defaultdict(list)
    for path, counts in files.items():
        alike[unicodedata.normalize("NFC", str(path)).casefold()].append(counts)
    return alike


def _untaken(files: Iterable[Path], taken: Iterable[Path]) -> dict[Path, Path]:
    """The same file may have two paths, if a folder is a link."""
    names = set(taken)
    left = [path for path in files if path not in names]
    real = set(_real(names)) if left else set()
    return {path: path for path, true in zip(left, _real(left), strict=True) if true not in real}


def _real(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yields (real folder, name). Links to folders are followed once for each folder, since there may be many files."""
    folders: dict[str, str] = {}
    for place, name in (os.path.split(path) for path in files):
        if place not in folders:
            folders[place] = os.path.realpath(place)
        yield folders[place], name


def label_files_under(folder: Path) -> list[Path]:
    return sorted(path for path in files_under(folder) if _is_label_name(path, folder))


def label_files_beside(pictures: Iterable[Path]) -> list[Path]:
    """Returns the label files in the folders where those of these pictures are."""
    folders = dict.fromkeys(folder_of(picture.parent) for picture in pictures)
    return [path for folder in folders for path in _files_in(folder) if _is_label_name(path, folder)]


def with_neighbours(pictures: Sequence[Path]) -> list[Path]:
    """Returns the pictures of a list, and those beside them that it leaves out."""
    folders = dict.fromkeys(picture.parent for picture in pictures)
    beside = (path for folder in folders for path in _files_in(folder) if images.is_image_name(path))
    return list(dict.fromkeys([*pictures, *beside]))


def _files_in(folder: Path) -> Iterator[Path]:
    yield from (path for path in (sorted(folder.iterdir()) if folder.is_dir() else ()) if path.is_file())


def _is_label_name(path: Path, folder: Path) -> bool:
    """macOS leaves hidden files with the names of others: ._a.txt"""
    if path.suffix.lower() != SUFFIX:
        return False
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)
