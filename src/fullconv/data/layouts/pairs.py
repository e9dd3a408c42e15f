"""images/ beside masks/; with splits as images/train + masks/train, or train/images + train/masks.

mmsegmentation's img_dir + ann_dir have the same form with other names, and so does a VOC devkit without its lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

from fullconv import images
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.pairing import pair
from fullconv.data.partners import pairs_of
from fullconv.data.split_names import TRAIN, Found, by_split, folders_in, read_splits, split_of
from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.words import counted

FOLDERS = (("images", "masks"), ("img_dir", "ann_dir"), ("JPEGImages", "SegmentationClass"))
IMAGES = ("images", "imgs", "image", "img", "img_dir", "photos", "JPEGImages")
MASKS = ("masks", "mask", "labels", "label", "annotations", "ann_dir", "gts", "gt", "SegmentationClass")
RARER = ("segmentation", "segmentations", "ground_truth", "groundtruth", "gt_masks")  # folders of masks


Inside = Callable[[Path, str], Path]  # the folder of a name in another one


class Pair(NamedTuple):
    """A folder of pictures and one of masks, `deep` with their sub-folders."""

    images: Path
    masks: Path
    deep: bool = True


def recognises(root: Path, masks_dir: str = "masks") -> str:
    return _seen_in(root, _usual(root, masks_dir))


def recognises_rarer(root: Path) -> str:
    """Like `recognises`, for names of folders that another layout may use too."""
    return _seen_in(root, _rarer(root, "masks"))


def _seen_in(root: Path, found: Found[Pair]) -> str:
    if not found:
        return ""
    _, first = next(iter(found.values()))[0]
    return " beside ".join(f"{folder.relative_to(root).as_posix()}/" for folder in (first.images, first.masks))


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Pairs by name (images/a/b.jpg with masks/a/b.png). An image without a mask, or the reverse, is an error."""
    classes = options.named_classes(root)
    found = find_folders(root, options.masks_dir)
    if found is None:
        raise FullconvError(f"{root}: no images/ beside {options.masks_dir}/; give the folder of masks as masks_dir")
    return read_pairs(Dataset(root, "pairs", classes, {}), found, options)


def read_pairs(empty: Dataset, found: Found[Pair], options: LayoutOptions) -> Dataset:
    """Returns the data set with these pictures, and with lines about folders that have no partner."""
    splits, left_out = read_splits(found, lambda each: pair_up(each.images, each.masks, options, each.deep))
    return replace(empty, splits=splits, left_out=(*left_out, *_alone(empty.root, found)))


def pair_up(image_dir: Path, mask_dir: Path, options: LayoutOptions, deep: bool = True) -> tuple[Sample, ...]:
    """Returns a sample for every name in both folders. An ending that a whole folder shares (_gt, _mask) is ignored.

    If names differ, one rule that pairs them all is used (a_img beside a_mask, 001 beside mask_001).
    """
    lookup = options.lookup_for(options.named_classes(image_dir))
    pictures, masks = pairs_of(image_dir, mask_dir, deep)
    alone = sorted(pictures.keys() ^ masks.keys())
    if alone and (pairing := pair(pictures, masks)).is_whole:
        masks, alone = {name: mask for name, (_, mask) in pairing.pairs.items()}, []
    if alone:
        raise FullconvError(
            f"{image_dir}: {counted(len(alone), 'name')} without a partner in {mask_dir}, such as {alone[0]}; "
            "give each image and its mask the same name, or remove unmatched files"
        )
    return tuple(
        Sample(name, pictures[name], masks[name], lookup, read_picture, options.open_mask) for name in sorted(pictures)
    )


def pairs_inside(image_dir: Path, mask_dir: Path) -> list[tuple[str, Pair]]:
    """Returns (name, pair) for the sub-folders of both, and for what lies beside them. Without a split: nothing."""
    inner, masks = folders_in(image_dir), folders_in(mask_dir)
    spare = {split_of(name): path for name, path in masks.items() if split_of(name) and name not in inner}
    partners = {name: masks.get(name) or spare.get(split_of(name)) for name in inner}
    found = [(name, Pair(inner[name], path)) for name, path in partners.items() if path and _hold(inner[name], path)]
    return [("", Pair(image_dir, mask_dir, deep=False)), *found] if any(split_of(name) for name, _ in found) else []


def find_folders(root: Path, masks_dir: str) -> Found[Pair] | None:
    """Returns what the first usual names of folders lead to. The most certain names come first."""
    return _usual(root, masks_dir) or _rarer(root, masks_dir) or None


def _usual(root: Path, masks_dir: str) -> Found[Pair]:
    return _first(root, (("images", masks_dir), *FOLDERS, *product(IMAGES, MASKS)), _inside)


def _rarer(root: Path, masks_dir: str) -> Found[Pair]:
    """The usual names in any case, then other names, then train/ beside train_masks/."""
    names = (("images", masks_dir), *FOLDERS, *product(IMAGES, MASKS), *product(IMAGES, RARER))
    return _first(root, names, _in_any_case()) or _beside(folders_in(root))


def _first(root: Path, candidates: Iterable[tuple[str, str]], inside: Inside) -> Found[Pair]:
    folders = folders_in(root)
    return next((found for names in candidates if (found := _folders(root, folders, inside, *names))), {})


def _folders(root: Path, folders: Mapping[str, Path], inside: Inside, images_dir: str, masks_dir: str) -> Found[Pair]:
    """Without split folders everything is `train`."""

    def pair_in(folder: Path) -> Pair:
        return Pair(inside(folder, images_dir), inside(folder, masks_dir))

    whole = pair_in(root)
    found = pairs_inside(whole.images, whole.masks) if whole.images.is_dir() and whole.masks.is_dir() else []
    if any(split_of(name) and _hold(*pair_in(folder)[:2]) for name, folder in folders.items()):
        outer = {name: pair_in(folder) for name, folder in folders.items()}
        found += [(name, each) for name, each in outer.items() if _hold(each.images, each.masks)]
    if found:
        return by_split(found)
    return {TRAIN: [("", whole)]} if _hold(whole.images, whole.masks) else {}


def _inside(folder: Path, name: str) -> Path:
    return folder / name


def _in_any_case() -> Inside:
    """Finds folders as they are spelt, also if the file system takes any spelling. Lists each folder once."""
    listed = cache(folders_in)

    def inside(folder: Path, name: str) -> Path:
        spelt = [path for own, path in listed(folder).items() if own.lower() == name.lower()]
        return folder / name if folder / name in spelt or not spelt else spelt[0]

    return inside


def _beside(folders: Mapping[str, Path]) -> Found[Pair]:
    """train/ beside train_masks/, as in Kaggle's Carvana."""
    spelt = {name.lower(): path for name, path in folders.items()}
    endings = [f"{joint}{word.lower()}" for word, joint in product((*MASKS, *RARER), "_- ")]
    partners = {
        name: next((spelt[name.lower() + ending] for ending in endings if name.lower() + ending in spelt), None)
        for name in folders
        if split_of(name)
    }
    return by_split(
        (name, Pair(folders[name], path)) for name, path in partners.items() if path and _hold(folders[name], path)
    )


def _hold(image_dir: Path, mask_dir: Path) -> bool:
    """Whether both folders exist and the second holds masks: `labels` may hold outlines as text."""
    if not image_dir.is_dir() or not mask_dir.is_dir():
        return False
    return mask_dir.name == "masks" or _has_pictures(mask_dir)


def _has_pictures(folder: Path) -> bool:
    return any(images.is_image_name(path) for path in files_under(folder))


def _alone(root: Path, found: Found[Pair]) -> Iterator[str]:
    """Yields a line for each folder that is called like a split, or lies beside such folders, and has no partner."""
    pairs = [each for items in found.values() for _, each in items]
    taken = {folder for each in pairs for folder in (each.images, each.masks)}
    named = [folder for name, folder in folders_in(root).items() if split_of(name)]
    beside = [folder for each in pairs if not each.deep for folder in each[:2]]
    for folder in (*named, *(inner for place in beside for inner in folders_in(place).values())):
        if not any(folder in (one, *one.parents) for one in taken) and _has_pictures(folder):
            yield f"{folder}: its pictures or masks have no partners"
