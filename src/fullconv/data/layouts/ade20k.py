"""ADE20K as in the scene parsing benchmark: images/training, annotations/training, objectInfo150.txt; 0 is void."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pair_up
from fullconv.data.lists import read_names
from fullconv.data.masks import shifted_lookup
from fullconv.errors import FullconvError

SPLITS = {"train": "training", "val": "validation"}
NAMES_FILE = "objectInfo150.txt"


def recognises(root: Path) -> str:
    splits = _splits(root)
    return f"images/{splits[0]}/ beside annotations/{splits[0]}/" if splits else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Mask value n is class n - 1, and 0 is void. The names come from objectInfo150.txt, unless given."""
    classes = options.classes or Classes.named(_names(root / NAMES_FILE))
    if options.lookup is None:
        options = replace(options, classes=classes, lookup=shifted_lookup(classes))
    splits = {
        split: pair_up(root / "images" / folder, root / "annotations" / folder, options)
        for split, folder in SPLITS.items()
        if folder in _splits(root)
    }
    return Dataset(root, "ade20k", classes, splits)


def _names(path: Path) -> tuple[str, ...]:
    """Returns the first word for each class, from a table of index, shares, counts and synonyms with a header line."""
    if not path.is_file():
        raise FullconvError(f"{path}: missing; copy it from the release, or give `names` in a data YAML")
    rows = [line.split("\t")[-1] for line in read_names(path)[1:]]
    return tuple(row.split(",")[0].strip() for row in rows)


def _splits(root: Path) -> list[str]:
    return [s for s in SPLITS.values() if (root / "images" / s).is_dir() and (root / "annotations" / s).is_dir()]
