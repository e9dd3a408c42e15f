"""Oxford-IIIT Pet: images and annotations/trimaps (1 pet, 2 background, 3 border); lists in annotations."""

from __future__ import annotations

from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.masks import Lookup, value_lookup
from fullconv.errors import FullconvError
from fullconv.words import counted

NAMES = ("background", "cat", "dog")
PET, BACKGROUND, BORDER = 1, 2, 3
LISTS = {"train": "trainval", "test": "test"}


def recognises(root: Path) -> str:
    found = (root / "images").is_dir() and (root / "annotations" / "trimaps").is_dir()
    return "images/ beside annotations/trimaps/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """trainval.txt is `train` and test.txt `test`. Without them, all of list.txt is `train`.

    Classes are background, cat and dog; the border is void. With two `names`, such as [background, pet], cats and dogs
    are one class.
    """
    classes = options.classes or Classes.named(NAMES)
    if len(classes) not in (2, 3):
        raise FullconvError(
            f"{root}: {counted(len(classes), 'name')} for Oxford pets; give [background, cat, dog] or two"
        )
    folder = root / "annotations"
    lists = {split: folder / f"{stem}.txt" for split, stem in LISTS.items() if (folder / f"{stem}.txt").is_file()}
    lists = lists or {"train": folder / "list.txt"}
    return Dataset(root, "pets", classes, {split: _samples(root, path, classes) for split, path in lists.items()})


def _samples(root: Path, names: Path, classes: Classes) -> tuple[Sample, ...]:
    """A line is a name, or name, breed, species (1 cat, 2 dog) and breed within the species. # begins a comment."""
    lookups = [_lookup(1), _lookup(min(2, len(classes) - 1))]
    rows = [line.split() for line in read_names(names) if not line.startswith("#")]
    return tuple(
        Sample(
            name, root / "images" / f"{name}.jpg", root / "annotations" / "trimaps" / f"{name}.png",
            lookups[_is_dog(name, rest)],
        )
        for name, *rest in rows
    )  # fmt: skip


def _is_dog(name: str, columns: list[str]) -> bool:
    """Decides by the species in the list, or without it by the name: the release capitalises cats."""
    return columns[1] == "2" if len(columns) > 1 else name[0].islower()


def _lookup(pet: int) -> Lookup:
    return value_lookup({PET: pet, BACKGROUND: 0, BORDER: VOID})
