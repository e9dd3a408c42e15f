"""Roboflow's semantic masks: train/a.jpg, train/a_mask.png and train/_classes.csv (value, class); valid is val."""

from __future__ import annotations

import csv
from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pair_up
from fullconv.data.lists import read_names
from fullconv.data.masks import value_lookup
from fullconv.errors import FullconvError

NAMES_FILE = "_classes.csv"
SPLITS = {"train": "train", "val": "valid", "test": "test"}


def recognises(root: Path) -> str:
    folders = _folders(root)
    return f"{next(iter(folders.values())).name}/{NAMES_FILE}" if folders else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Each folder is a split. The classes and their mask values come from the first folder's table, unless given."""
    folders = _folders(root)
    tables = [_table(folder / NAMES_FILE) for folder in folders.values()]
    if any(table != tables[0] for table in tables):
        raise FullconvError(f"{root}: the {NAMES_FILE} of its folders differ; export all splits from the same version")
    values = {value: i for i, value in enumerate(tables[0])}
    options = options.with_own(Classes.named(tuple(tables[0].values())), value_lookup({VOID: VOID, **values}))
    splits = {split: pair_up(folder, folder, options) for split, folder in folders.items()}
    return Dataset(root, "roboflow", options.named_classes(root), splits)


def _folders(root: Path) -> dict[str, Path]:
    return {split: root / name for split, name in SPLITS.items() if (root / name / NAMES_FILE).is_file()}


def _table(path: Path) -> dict[int, str]:
    """{pixel value: class}, after a header line."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(read_names(path)[1:])]
    if not rows or not all(len(row) == 2 and row[0].isdecimal() and int(row[0]) <= VOID and row[1] for row in rows):
        raise FullconvError(f"{path}: should read `Pixel Value, Class`, then one line per class, such as `1, roof`")
    return {int(value): name for value, name in rows}
