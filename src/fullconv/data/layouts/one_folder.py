"""Pictures and their masks in one folder, distinguished by name: 001.png and 001_mask.png, or a.jpg and a.png."""

from __future__ import annotations

from pathlib import Path

from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pair_up
from fullconv.data.partners import names_tell_masks, pictures_in
from fullconv.data.split_names import SPELLINGS, Found, Place, places_in, read_splits, split_of


def recognises(root: Path) -> str:
    places = [place for split, items in _places(root).items() if split in SPELLINGS for _, place in items]
    if not places or not all(names_tell_masks(place.folder, place.deep) for place in places):
        return ""
    return "pictures and masks in one folder, distinguished by their names"


def read(root: Path, options: LayoutOptions) -> Dataset:
    splits, left_out = read_splits(
        _places(root), lambda place: pair_up(place.folder, place.folder, options, place.deep)
    )
    return Dataset(root, "one_folder", options.named_classes(root), splits, left_out=left_out)


def _places(root: Path) -> Found[Place]:
    """Returns the places with pictures. A folder without splits must itself have some; then all of it is `train`."""
    found = places_in(root)
    if not any(split_of(name) for items in found.values() for name, _ in items):
        return found if pictures_in(root, deep=False) else {}
    held = {split: [(name, place) for name, place in items if _has_pictures(place)] for split, items in found.items()}
    return {split: items for split, items in held.items() if items}


def _has_pictures(place: Place) -> bool:
    return bool(pictures_in(place.folder, deep=place.deep))
