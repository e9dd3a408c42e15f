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
from fullconv.data.split_names import Found, Samples, by_split, folders_in, read_splits, split_of
from fullconv.errors import FullconvError

NAMES_FILE = "_classes.csv"


def recognises(root: Path) -> str:
    folders = _folders(root)
    return f"{next(iter(folders.values()))[0][0]}/{NAMES_FILE}" if folders else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Each folder is a split. The classes and their mask values come from the first folder's table, unless given."""
    found = _folders(root)
    table = _table(next(iter(found.values()))[0][1] / NAMES_FILE)
    values = {value: i for i, value in enumerate(table)}
    options = options.with_own(Classes.named(tuple(table.values())), value_lookup({VOID: VOID, **values}))

    def samples(folder: Path) -> Samples:
        if _table(folder / NAMES_FILE) != table:
            raise FullconvError(
                f"{root}: the {NAMES_FILE} of its folders differ, as in {folder.name}; export all splits from the same "
                "version"
            )
        return pair_up(folder, folder, options)

    splits, left_out = read_splits(found, samples)
    return Dataset(root, "roboflow", options.named_classes(root), splits, left_out=left_out)


def _folders(root: Path) -> Found[Path]:
    """Returns the folders with a table, if one is called like a split."""
    folders = [(name, path) for name, path in folders_in(root).items() if (path / NAMES_FILE).is_file()]
    return by_split(folders) if any(split_of(name) for name, _ in folders) else {}


def _table(path: Path) -> dict[int, str]:
    """{pixel value: class}, after a header line."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(read_names(path)[1:])]
    if not rows or not all(len(row) == 2 and row[0].isdecimal() and int(row[0]) <= VOID and row[1] for row in rows):
        raise FullconvError(f"{path}: should read `Pixel Value, Class`, then one line per class, such as `1, roof`")
    return {int(value): name for value, name in rows}
