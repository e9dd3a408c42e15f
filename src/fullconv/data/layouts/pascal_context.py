"""PASCAL-Context: trainval/*.mat (LabelMap of 459 labels), labels.txt, 59_labels.txt; photos in a VOC 2010 devkit.

Mottaghi et al., CVPR 2014: the 59 most frequent labels are classes, all others are background. Three of the 59 names
have another spelling in labels.txt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fullconv.classes import Classes, LabelMap
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.mat import read_mat
from fullconv.errors import FullconvError

LABELS, CHOSEN = "labels.txt", "59_labels.txt"
SPELT = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}  # of the 59 → of the 459
SPLITS = ("train", "val", "trainval")


def recognises(root: Path) -> str:
    found = (root / CHOSEN).is_file() and (root / "trainval").is_dir()
    return f"trainval/*.mat and {CHOSEN}" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Splits are those in VOC 2010's ImageSets/Main. Class 0 is background, followed by the 59 in the order of their
    file."""
    chosen = _labels(root / CHOSEN)
    classes = options.classes or Classes.named(("background", *chosen.values()))
    mask = Chosen(_table(_labels(root / LABELS), list(chosen.values())))
    lookup, voc = options.lookup_for(classes), _devkit(root)
    splits = {
        split: tuple(
            Sample(name, voc / "JPEGImages" / f"{name}.jpg", root / "trainval" / f"{name}.mat", lookup, open_mask=mask)
            for name in read_names(voc / "ImageSets" / "Main" / f"{split}.txt")
        )
        for split in SPLITS
        if (voc / "ImageSets" / "Main" / f"{split}.txt").is_file()
    }
    return Dataset(root, "pascal_context", classes, splits, beside=(voc,))


@dataclass(frozen=True)
class Chosen:
    """LabelMap → classes, by a table with a place for every label number."""

    table: tuple[int, ...]

    def __call__(self, path: Path) -> LabelMap:
        labels = read_mat(path, ("LabelMap",)).astype(np.int64)
        if labels.size and (labels.min() < 0 or labels.max() >= len(self.table)):
            raise FullconvError(f"{path}: label {labels.max()} is not in {LABELS}; use both from the same release")
        return np.array(self.table, np.uint8)[labels]


def _table(labels: dict[int, str], chosen: list[str]) -> tuple[int, ...]:
    numbers = {name: number for number, name in labels.items()}
    table = [0] * (max(labels, default=0) + 1)
    for index, name in enumerate(chosen, 1):
        spelt = name if name in numbers else SPELT.get(name, name)
        if spelt not in numbers:
            raise FullconvError(f"{CHOSEN}: {name} is not in {LABELS}; use both files from the same release")
        table[numbers[spelt]] = index
    return tuple(table)


def _labels(path: Path) -> dict[int, str]:
    """{number: name} of lines such as `23: bed cloth`, names without spaces."""
    rows = (line.partition(":") for line in read_names(path))
    return {int(number): name.replace(" ", "") for number, _, name in rows if number.strip().isdigit()}


def _devkit(root: Path) -> Path:
    places = [root, root / "VOC2010", root / "VOCdevkit" / "VOC2010", root.parent / "VOC2010"]
    places.append(root.parent / "VOCdevkit" / "VOC2010")
    for place in places:
        if (place / "JPEGImages").is_dir() and (place / "ImageSets" / "Main").is_dir():
            return place
    raise FullconvError(
        f"{root}: the photos are missing; put the VOC 2010 devkit, or a link to it, in {root / 'VOC2010'}"
    )
