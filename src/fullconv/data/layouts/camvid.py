"""CamVid as published by SegNet's authors: train + trainannot, val + valannot, test + testannot, 11 classes."""

from __future__ import annotations

from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import Pair, read_pairs
from fullconv.data.masks import value_lookup
from fullconv.data.split_names import by_split, folders_in

SPLITS = ("train", "val", "test")
NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "cyclist",
)  # fmt: skip
COLOURS = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
UNLABELLED = 11


def recognises(root: Path) -> str:
    splits = _splits(root)
    return f"{splits[0]}/ beside {splits[0]}annot/" if splits else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Reads the splits whose two folders exist. Value 11 is void."""
    values = {**{i: i for i in range(len(NAMES))}, UNLABELLED: VOID, VOID: VOID}
    options = options.with_own(Classes.named(NAMES, COLOURS), value_lookup(values))
    inside = folders_in(root)
    pairs = [(name, Pair(path, inside[f"{name}annot"])) for name, path in inside.items() if f"{name}annot" in inside]
    return read_pairs(Dataset(root, "camvid", options.named_classes(root), {}), by_split(pairs), options)


def _splits(root: Path) -> list[str]:
    return [split for split in SPLITS if (root / split).is_dir() and (root / f"{split}annot").is_dir()]
