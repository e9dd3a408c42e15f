"""The PASCAL VOC devkit: JPEGImages, SegmentationClass, ImageSets/Segmentation/<split>.txt."""

from __future__ import annotations

from pathlib import Path

from fullconv.classes import VOC_NAMES, Classes
from fullconv.data.dataset import Dataset, Lookup, Sample, identity_lookup
from fullconv.errors import FullconvError

LISTS = Path("ImageSets", "Segmentation")


def recognises(root: Path) -> bool:
    return (root / LISTS).is_dir() and (root / "SegmentationClass").is_dir()


def read(root: Path, classes: Classes | None = None) -> Dataset:
    """Every list under ImageSets/Segmentation is a split; the classes are VOC's 21 unless given."""
    classes = classes or Classes.named(VOC_NAMES)
    lookup = identity_lookup(classes)
    lists = sorted((root / LISTS).glob("*.txt"))
    if not lists:
        raise FullconvError(f"{root / LISTS}: no list of names; add train.txt and val.txt, one name a line")
    splits = {path.stem: tuple(_sample(root, name, lookup) for name in path.read_text().split()) for path in lists}
    return Dataset(root, "voc", classes, splits)


def _sample(root: Path, name: str, lookup: Lookup) -> Sample:
    return Sample(name, root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png", lookup)
