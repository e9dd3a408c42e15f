"""ADE20K as in the scene parsing benchmark: images/training, annotations/training, objectInfo150.txt; 0 is void."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pairs_inside, read_pairs
from fullconv.data.lists import read_names
from fullconv.data.masks import shifted_lookup
from fullconv.data.split_names import by_split
from fullconv.errors import FullconvError

SPLITS = ("training", "validation")
NAMES_FILE = "objectInfo150.txt"


def recognises(root: Path) -> str:
    splits = _splits(root)
    return f"images/{splits[0]}/ beside annotations/{splits[0]}/" if splits else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Mask value n is class n - 1, and 0 is void. The names come from objectInfo150.txt, unless given."""
    classes = options.classes or Classes.named(_names(root / NAMES_FILE))
    if options.lookup is None:
        options = replace(options, classes=classes, lookup=shifted_lookup(classes))
    found = by_split(pairs_inside(root / "images", root / "annotations"))
    return read_pairs(Dataset(root, "ade20k", classes, {}), found, options)


def _names(path: Path) -> tuple[str, ...]:
    """Returns the first word for each class, from a table of index, shares, counts and synonyms with a header line."""
    if not path.is_file():
        raise FullconvError(
            f"{path}: missing; copy it from the release, or give `names` in a data YAML: value 1 has the first name "
            "and 0 is void, unless you write names: [{name: background, labels: [0]}, {name: …, labels: [1]}, …]"
        )
    rows = [line.split("\t")[-1] for line in read_names(path)[1:]]
    return tuple(row.split(",")[0].strip() for row in rows)


def _splits(root: Path) -> list[str]:
    return [s for s in SPLITS if (root / "images" / s).is_dir() and (root / "annotations" / s).is_dir()]
