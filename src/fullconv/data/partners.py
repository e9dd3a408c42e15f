"""Decides by name which files are pictures and which are their masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.files import files_under

Names = dict[str, Path]  # a name, relative to its folder and without the file extension → the file
PHOTOS = (".jpg", ".jpeg", ".jfif")  # extensions that masks never have, if a file with the same name has another one
JOINTS = "_-. "  # characters between a name and the ending that marks a mask
MASK_WORDS = ("mask", "masks", "label", "labels", "gt", "seg", "segmentation", "annotation", "truth", "manual")


def pairs_of(image_dir: Path, mask_dir: Path, deep: bool = True) -> tuple[Names, Names]:
    """Returns (pictures, masks) by the names that must agree, `deep` with those in sub-folders. Raises FullconvError if
    two files share a name."""
    if image_dir.resolve() == mask_dir.resolve():
        return _in_one(image_dir, deep)
    pictures, masks = (
        by_name(pictures_in(image_dir, mask_dir, deep), image_dir),
        by_name(pictures_in(mask_dir, image_dir, deep), mask_dir),
    )
    if not pictures.keys() & masks.keys():
        return _without_ending(pictures), _without_ending(masks)
    return pictures, masks


def pictures_in(folder: Path, other: Path | None = None, deep: bool = True) -> list[Path]:
    """Returns the pictures, sorted, without hidden files, and without those in `other` if that is a sub-folder. Only
    those of a `deep` folder are also in its sub-folders."""
    apart = other if other and folder in other.parents else None
    found = (path for path in files_under(folder, deep=deep) if images.is_image_name(path))
    return sorted(path for path in found if not (apart and apart in path.parents))


def by_name(files: Iterable[Path], folder: Path) -> Names:
    """Returns files by name. Raises FullconvError if two differ only in extension: it is unclear which one to use."""
    found: Names = {}
    for path in files:
        name = name_of(path, folder)
        if name in found:
            raise FullconvError(
                f"{folder}: {found[name].name} and {path.name} have the same name; keep or rename one of them"
            )
        found[name] = path
    return found


def name_of(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _in_one(folder: Path, deep: bool) -> tuple[Names, Names]:
    """Divides one folder: a.jpg with a.png, or a.jpg with a_mask.png. No picture is its own mask."""
    files = pictures_in(folder, deep=deep)
    if not files:
        raise FullconvError(f"{folder}: no pictures in it; add some, or remove the folder")
    photos = [path for path in files if path.suffix.lower() in PHOTOS]
    others = [path for path in files if path.suffix.lower() not in PHOTOS]
    shared = {name_of(path, folder) for path in photos} & {name_of(path, folder) for path in others}
    if shared:
        return by_name(photos, folder), by_name(others, folder)
    names = by_name(files, folder)
    if ending := _mask_ending(names):
        masks = {name.removesuffix(ending): path for name, path in names.items() if name.endswith(ending)}
        return {name: path for name, path in names.items() if not name.endswith(ending)}, masks
    if beginning := _mask_beginning(names):
        masks = {_without(name, beginning): path for name, path in names.items() if _begins(name, beginning)}
        return {name: path for name, path in names.items() if not _begins(name, beginning)}, masks
    raise FullconvError(
        f"{folder}: pictures and masks are mixed, and names do not distinguish them; name the mask of a.jpg "
        "a.png or a_mask.png, or put the masks in a separate folder"
    )


def names_tell_masks(folder: Path, deep: bool = True) -> bool:
    """Whether names alone show which pictures of a folder are masks: a.jpg and a.png, or a word such as _mask."""
    try:
        pictures, masks = _in_one(folder, deep)
    except FullconvError:
        return False
    if all(path.suffix.lower() in PHOTOS for path in pictures.values()) and masks.keys() >= pictures.keys():
        return bool(pictures)
    words = {re.split(r"[^a-z]+", path.stem.lower())[place] for path in masks.values() for place in (0, -1)}
    return bool(words & set(MASK_WORDS))


def _mask_ending(names: Names) -> str:
    """Returns the ending that most often turns one of the names into another."""
    votes = Counter(ending for name in names for start, ending in _divisions(name) if start in names)
    return votes.most_common(1)[0][0] if votes else ""


def _divisions(name: str) -> Iterator[tuple[str, str]]:
    """dir/a_b_mask → (dir/a, _b_mask), (dir/a_b, _mask)"""
    for i in range(name.rfind("/") + 2, len(name)):
        if name[i] in JOINTS:
            yield name[:i], name[i:]


def _mask_beginning(names: Names) -> str:
    """Returns the same for beginnings: mask_001 is the mask of 001."""
    votes = Counter(
        last[: i + 1]
        for name in names
        for last in [name.rpartition("/")[2]]
        for i in range(1, len(last) - 1)
        if last[i] in JOINTS and _without(name, last[: i + 1]) in names
    )
    return votes.most_common(1)[0][0] if votes else ""


def _begins(name: str, beginning: str) -> bool:
    return name.rpartition("/")[2].startswith(beginning)


def _without(name: str, beginning: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.removeprefix(beginning)


def _without_ending(files: Names) -> Names:
    ending = _shared_ending(files)
    return {name.removesuffix(ending): path for name, path in files.items()}


def _shared_ending(names: Iterable[str]) -> str:
    """Returns what follows the last underscore, including it, if it is the same word in all names."""
    endings = {"_" + name.rpartition("_")[2] if "_" in name else "" for name in names}
    return endings.pop() if len(endings) == 1 else ""
