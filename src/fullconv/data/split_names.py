"""Which split a folder is, by its name. Every layout asks here, so that no folder of pictures is left out silently."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fullconv.data.dataset import Dataset, Sample
from fullconv.errors import FullconvError
from fullconv.files import is_hidden, leads_nowhere
from fullconv.words import counted, was
from fullconv.yaml_files import flow

SPELLINGS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
SPLIT_OF = {spelling: split for split, spellings in SPELLINGS.items() for spelling in spellings}
TRAIN, TEST, REST = "train", "test", "rest"
Item = TypeVar("Item")
Samples = tuple[Sample, ...]
Found = dict[str, list[tuple[str, Item]]]  # split → (name of a folder, or "" outside all of them; what it holds)


class Unlabelled(FullconvError):
    """No picture of a split has labels. Those of a test set may be secret, so it is only left out."""


class Place(NamedTuple):
    """A folder of pictures, `deep` with its sub-folders."""

    folder: Path
    deep: bool = True


def split_of(name: str) -> str:
    """Returns train, val or test for the name of a folder in any case, or an empty string."""
    return SPLIT_OF.get(name.lower(), "")


def share_of(asked: Any) -> float | None:
    """Returns the share of the pictures to hold back, if `val: 0.2` asks for one."""
    if not (isinstance(asked, str) and re.fullmatch(r"0?\.\d+", asked)) or float(asked) == 0:
        return None
    return float(asked)


def by_split(folders: Iterable[tuple[str, Item]], split_of: Callable[[str], str] = split_of) -> Found[Item]:
    """Divides what folders of these names hold. Two names of one split are joined.

    Any other folder is a split of its own name, and what is in no folder is `rest`. If no folder is called train, all
    of these are train.
    """
    found: Found[Item] = {split: [] for split in SPELLINGS}
    for name, item in folders:
        found.setdefault(split_of(name) or name or REST, []).append((name, item))
    if not found[TRAIN]:
        others = [split for split in found if split not in SPELLINGS]
        found[TRAIN] = [each for split in others for each in found.pop(split)]
    return {split: items for split, items in found.items() if items}


def places_in(folder: Path) -> Found[Place]:
    """Divides a folder by its sub-folders. If none of them is called like a split, all of it is train."""
    inside = folders_in(folder)
    if not any(map(split_of, inside)):
        return {TRAIN: [("", Place(folder))]}
    return by_split([("", Place(folder, deep=False)), *((name, Place(path)) for name, path in inside.items())])


def folders_in(folder: Path) -> dict[str, Path]:
    """Returns {name: sub-folder}, sorted. Raises FullconvError for a split that is a link to a folder that is not
    there."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        inside = {entry.name: Path(entry.path) for entry in entries if not entry.is_file(follow_symlinks=False)}
    for name, path in inside.items():
        if split_of(name) and leads_nowhere(path):
            raise FullconvError(f"{path}: a link to {os.readlink(path)}, which is not there; mend or remove it")
    return {name: path for name, path in sorted(inside.items()) if _is_folder(path)}


def _is_folder(path: Path) -> bool:
    return not is_hidden(Path(path.name)) and not leads_nowhere(path) and path.is_dir()


def read_splits(
    found: Found[Item],
    read: Callable[[Item], Samples],
    check: Callable[[str, Samples], object] = lambda split, samples: None,
) -> tuple[dict[str, Samples], tuple[str, ...]]:
    """Reads and checks each split. Returns (splits, what was left out and why).

    Folders that are not called like a split may be anything, so those that cannot be read are only left out, and so
    are test pictures without labels.
    """
    splits: dict[str, Samples] = {}
    left_out: list[str] = []
    for split, items in found.items():
        try:
            samples = tuple(_named(name, one, len(items)) for name, item in items for one in read(item))
            check(split, samples)
        except FullconvError as error:
            if split in SPELLINGS and not (split == TEST and isinstance(error, Unlabelled)):
                raise
            left_out.append(str(error))
        else:
            splits |= {split: samples} if samples or any(split_of(name) for name, _ in items) else {}
    return splits, tuple(left_out)


def _named(folder: str, sample: Sample, folders: int) -> Sample:
    """Names a sample after its folder too, if several are joined: they may have equal names."""
    return replace(sample, name=f"{folder}/{sample.name}") if folder and folders > 1 else sample


def unused(splits: Mapping[str, Samples], used: Iterable[str] = ()) -> Iterator[tuple[str, Samples]]:
    """Yields (split, its pictures that are in no other) for splits besides train, val, test and those in `used`."""
    known = {*SPELLINGS, *used}
    seen = {sample.image_path for split in known for sample in splits.get(split, ())}
    for split, samples in splits.items():
        alone = tuple(sample for sample in samples if sample.image_path not in seen)
        if split not in known and alone:
            yield split, alone


def examined(splits: Mapping[str, Samples], used: Iterable[str] = ()) -> Mapping[str, Samples]:
    """Returns the splits without the pictures that nothing uses, which may be backups or raw data. If nothing at all is
    used, returns all of them."""
    spare = {sample.image_path for _, samples in unused(splits, used) for sample in samples}
    left = {split: tuple(s for s in samples if s.image_path not in spare) for split, samples in splits.items()}
    return left if any(left.values()) else splits


def to_use(splits: Mapping[str, Samples], spare: Iterable[str]) -> str:
    """Returns the line of a data YAML that adds these splits to train, if there is one."""
    return f"train: {flow([*([TRAIN] if splits.get(TRAIN) else []), *spare])}"


def remarks(dataset: Dataset, used: Iterable[str] = ()) -> Iterator[str]:
    """Yields a line for every folder whose pictures are not used."""
    for split, samples in unused(dataset.splits, used):
        line = to_use(dataset.splits, [split])
        count = f"{counted(len(samples), 'picture')} of {split} {was(len(samples))}"
        yield f"{count} left out: {split} is neither train, val nor test; to use it, write `{line}`"
    yield from (f"left out: {line}" for line in dataset.left_out)
