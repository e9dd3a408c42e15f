"""images/ beside masks/; with splits as images/train + masks/train, or train/images + train/masks.

mmsegmentation's img_dir + ann_dir have the same form with other names, and so does a VOC devkit without its lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from fullconv import images
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.pairing import pair
from fullconv.data.partners import pairs_of
from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.words import counted

SPLITS = {"train": ("train", "training"), "val": ("val", "validation", "valid"), "test": ("test", "testing")}
FOLDERS = (("images", "masks"), ("img_dir", "ann_dir"), ("JPEGImages", "SegmentationClass"))
IMAGES = ("images", "imgs", "image", "img", "img_dir", "photos", "JPEGImages")
MASKS = ("masks", "mask", "labels", "label", "annotations", "ann_dir", "gts", "gt", "SegmentationClass")


def recognises(root: Path, masks_dir: str = "masks") -> str:
    for names in _candidates(masks_dir):
        if folders := _folders(root, *names):
            first = next(iter(folders.values()))
            return " beside ".join(f"{folder.relative_to(root).as_posix()}/" for folder in first)
    return ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Pairs by name (images/a/b.jpg with masks/a/b.png). An image without a mask, or the reverse, is an error."""
    classes = options.named_classes(root)
    candidates = _candidates(options.masks_dir)
    folders = next((found for names in candidates if (found := _folders(root, *names))), None)
    if folders is None:
        raise FullconvError(f"{root}: no images/ beside {options.masks_dir}/; give the folder of masks as masks_dir")
    return Dataset(root, "pairs", classes, {name: pair_up(i, m, options) for name, (i, m) in folders.items()})


def pair_up(image_dir: Path, mask_dir: Path, options: LayoutOptions) -> tuple[Sample, ...]:
    """Returns a sample for every name in both folders. An ending that a whole folder shares (_gt, _mask) is ignored.

    If names differ, one rule that pairs them all is used (a_img beside a_mask, 001 beside mask_001).
    """
    lookup = options.lookup_for(options.named_classes(image_dir))
    pictures, masks = pairs_of(image_dir, mask_dir)
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


def _candidates(masks_dir: str) -> Iterator[tuple[str, str]]:
    """Yields (folder of images, folder of masks), the most certain names first."""
    yield from (("images", masks_dir), *FOLDERS)
    yield from product(IMAGES, MASKS)


def _folders(root: Path, images_dir: str, masks_dir: str) -> dict[str, tuple[Path, Path]]:
    """{split: (folder of images, folder of masks)}; without split folders everything is `train`."""
    found: dict[str, tuple[Path, Path]] = {}
    for split, spellings in SPLITS.items():
        for spelling in spellings:
            candidates = (
                (root / images_dir / spelling, root / masks_dir / spelling),
                (root / spelling / images_dir, root / spelling / masks_dir),
            )
            found.update((split, pair) for pair in candidates if _are_pictures(*pair))
    whole = (root / images_dir, root / masks_dir)
    return found or ({"train": whole} if _are_pictures(*whole) else {})


def _are_pictures(image_dir: Path, mask_dir: Path) -> bool:
    """Whether both folders exist and the second holds masks: `labels` may hold outlines as text."""
    if not image_dir.is_dir() or not mask_dir.is_dir():
        return False
    return mask_dir.name == "masks" or any(images.is_image_name(path) for path in files_under(mask_dir))
