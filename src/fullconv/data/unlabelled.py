"""Pictures without masks, labelled by a teacher during training: `unlabelled:` in a data YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.data.dataset import UnlabelledPicture
from fullconv.errors import FullconvError, prefix_errors
from fullconv.files import files_under
from fullconv.images import is_image_name
from fullconv.typed_values import check_values


@dataclass(frozen=True)
class Folder:
    """An entry of `unlabelled:`. `shows`: the classes of the main object in every picture of the folder. `among`: the
    classes from which a teacher may choose for it."""

    path: str
    shows: tuple[str, ...] = ()
    among: tuple[str, ...] = ()


def read_unlabelled(root: Path, asked: Any) -> tuple[UnlabelledPicture, ...]:
    """Returns the pictures of a folder, of {path, shows, among}, or of a list of these, in the order of their names."""
    entries = asked if isinstance(asked, list) else [asked]
    return tuple(picture for entry in entries for picture in _pictures(root, _folder(entry)))


def _folder(entry: Any) -> Folder:
    values = entry if isinstance(entry, Mapping) else {"path": entry}
    with prefix_errors("unlabelled"):
        if "path" not in values:
            raise FullconvError("an entry has no path; give a folder or {path: …, shows: …, among: …}")
        lists = {key: [value] if isinstance(value, str) and key != "path" else value for key, value in values.items()}
        folder = Folder(**check_values(Folder, lists))
        if folder.shows and not set(folder.shows) < set(folder.among):
            raise FullconvError(f"{folder.path}: among must list the classes of shows and those they are confused with")
    return folder


def _pictures(root: Path, folder: Folder) -> list[UnlabelledPicture]:
    place = root / folder.path
    if not place.is_dir():
        raise FullconvError(f"{place}: no such folder; `unlabelled` is relative to `path` in the data YAML")
    found = sorted(path for path in files_under(place) if is_image_name(path))
    if not found:
        raise FullconvError(f"{place}: contains no pictures; correct `unlabelled`, or remove it")
    return [UnlabelledPicture(path, folder.shows, folder.among) for path in found]
