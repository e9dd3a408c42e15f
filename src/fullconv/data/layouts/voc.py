"""The PASCAL VOC devkit: JPEGImages, SegmentationClass, ImageSets/Segmentation/<split>.txt; SBD's masks beside it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from fullconv.classes import VOC_NAMES, Classes
from fullconv.data.dataset import Dataset, ReadMask, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import sbd
from fullconv.data.lists import read_names
from fullconv.data.masks import Lookup
from fullconv.errors import FullconvError
from fullconv.files import glob_in

LISTS = Path("ImageSets", "Segmentation")


def recognises(root: Path) -> str:
    found = (root / LISTS).is_dir() and (root / "SegmentationClass").is_dir()
    return "ImageSets/Segmentation/ and SegmentationClass/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Every list in ImageSets/Segmentation is a split. The classes are VOC's 21, unless given.

    With SBD there are also `sbd_train`, `sbd_val`, and the paper's validation set, named after the devkit's year.
    """
    classes = options.classes or Classes.named(VOC_NAMES)
    sample = partial(_sample, root, options.lookup_for(classes), options.open_mask)
    lists = {path.stem: read_names(path) for path in glob_in(root / LISTS, "*.txt")}
    if not lists:
        raise FullconvError(f"{root / LISTS}: no list of names; add train.txt and val.txt, one name per line")
    splits = {split: tuple(map(sample, names)) for split, names in lists.items()}
    if options.sbd:
        extra = sbd.read(options.sbd, options)
        splits |= {f"sbd_{split}": samples for split, samples in extra.splits.items()}
        names = sbd.seg11valid(lists.get("val", []), [sample.name for sample in extra.split("train")])
        splits[_valid(root)] = tuple(map(sample, names))
    return Dataset(root, "voc", classes, splits, beside=(options.sbd,) if options.sbd else ())


def _sample(root: Path, lookup: Lookup, open_mask: ReadMask, name: str) -> Sample:
    photo, mask = root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png"
    return Sample(name, photo, mask, lookup, open_mask=open_mask)


def _valid(root: Path) -> str:
    """seg11valid for a folder named VOC2011, seg12valid for VOC2012, segvalid if the name contains no year."""
    year = re.search(r"20(\d\d)", root.name)
    return f"seg{year.group(1) if year else ''}valid"
