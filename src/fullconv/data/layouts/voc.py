"""The PASCAL VOC devkit: JPEGImages, SegmentationClass, ImageSets/Segmentation/<split>.txt; SBD's masks beside it.

CVAT exports the same with labelmap.txt, which gives the classes and their colours in the masks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from fullconv.classes import VOC_NAMES, VOID, Classes, Colour, voc_colour
from fullconv.data.colour_masks import read_colours
from fullconv.data.dataset import Dataset, ReadMask, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import sbd
from fullconv.data.lists import read_names
from fullconv.data.masks import Lookup, identity_lookup, read_mask
from fullconv.data.partners import name_of, pictures_in
from fullconv.errors import FullconvError
from fullconv.files import glob_in
from fullconv.words import counted

LISTS = Path("ImageSets", "Segmentation")
LABELS = "labelmap.txt"
LABEL = re.compile(
    r"(?P<name>[^#].*?):(?P<red>\d+),(?P<green>\d+),(?P<blue>\d+)(?::.*)?"
)  # cat:250,50,83:parts:actions


def recognises(root: Path) -> str:
    found = (root / LISTS).is_dir() and (root / "SegmentationClass").is_dir()
    return "ImageSets/Segmentation/ and SegmentationClass/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Every list in ImageSets/Segmentation is a split. The classes are those of labelmap.txt, else VOC's 21, unless
    given.

    With SBD there are also `sbd_train`, `sbd_val`, and the paper's validation set, named after the devkit's year.
    """
    if (root / LABELS).is_file():
        options = _with_labels(options, root / LABELS)
    classes = options.classes or Classes.named(VOC_NAMES)
    sample = partial(_sample, root, _photos(root), options.lookup_for(classes), options.open_mask)
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


def _with_labels(options: LayoutOptions, path: Path) -> LayoutOptions:
    """Adds the classes of labelmap.txt, and reads masks by its colours, unless the YAML says what masks contain."""
    if options.open_mask is not read_mask or options.lookup is not None:
        return options
    labels = _labels(path)
    if options.classes and len(options.classes) != len(labels):
        names, found = counted(len(options.classes), "name"), counted(len(labels), "label")
        raise FullconvError(
            f"{path}: {names} for {found}; remove `names`, and choose with `classes` and `label_mapping`"
        )
    colours = tuple(labels.values())
    classes = options.classes or Classes.named(tuple(labels), colours)
    return replace(
        options, classes=classes, lookup=identity_lookup(classes), open_mask=partial(read_colours, colours=colours)
    )


def _labels(path: Path) -> dict[str, Colour]:
    """{class: its colour in the masks}, in the order of the file. VOC's void colour is no class."""
    rows = [(line, LABEL.fullmatch(line)) for line in read_names(path) if not line.startswith("#")]
    if odd := [line for line, found in rows if found is None]:
        raise FullconvError(f"{path}: {odd[0]!r} should read name:red,green,blue::")
    labels = {f["name"].strip(): (int(f["red"]), int(f["green"]), int(f["blue"])) for _, f in rows if f}
    labels = {name: colour for name, colour in labels.items() if colour != voc_colour(VOID)}
    if not labels or len(set(labels.values())) < len(labels) or max(max(colour) for colour in labels.values()) > 255:
        raise FullconvError(f"{path}: every label needs a colour of its own, each of its numbers from 0 to 255")
    return labels


def _photos(root: Path) -> dict[str, Path]:
    """{name: photo}: JPEG in VOC, other formats in exports of tools. Of several with one name, the .jpg."""
    photos = sorted(pictures_in(root / "JPEGImages"), key=lambda path: path.suffix == ".jpg")
    return {name_of(path, root / "JPEGImages"): path for path in photos}


def _sample(root: Path, photos: Mapping[str, Path], lookup: Lookup, open_mask: ReadMask, name: str) -> Sample:
    photo = photos.get(name, root / "JPEGImages" / f"{name}.jpg")
    return Sample(name, photo, root / "SegmentationClass" / f"{name}.png", lookup, open_mask=open_mask)


def _valid(root: Path) -> str:
    """seg11valid for a folder named VOC2011, seg12valid for VOC2012, segvalid if the name contains no year."""
    year = re.search(r"20(\d\d)", root.name)
    return f"seg{year.group(1) if year else ''}valid"
