"""Pictures and their masks in one folder, distinguished by name: 001.png and 001_mask.png, or a.jpg and a.png."""

from __future__ import annotations

from pathlib import Path

from fullconv import images
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import SPLITS, pair_up
from fullconv.data.partners import names_tell_masks


def recognises(root: Path) -> str:
    folders = _folders(root)
    if not folders or not all(names_tell_masks(folder) for folder in folders.values()):
        return ""
    return "pictures and masks in one folder, distinguished by their names"


def read(root: Path, options: LayoutOptions) -> Dataset:
    splits = {split: pair_up(folder, folder, options) for split, folder in _folders(root).items()}
    return Dataset(root, "one_folder", options.named_classes(root), splits)


def _folders(root: Path) -> dict[str, Path]:
    """{split: folder with pictures}. If the folder itself has pictures, all of it is `train`."""
    if _has_pictures(root):
        return {"train": root}
    spelt = [(split, root / spelling) for split, spellings in SPLITS.items() for spelling in spellings]
    return {split: folder for split, folder in spelt if folder.is_dir() and _has_pictures(folder)}


def _has_pictures(folder: Path) -> bool:
    return any(path.is_file() and images.is_image_name(path) for path in folder.iterdir())
