"""The Semantic Boundaries Dataset: img, cls (GTcls.Segmentation in .mat), train.txt, val.txt. Its masks have no void.

Hariharan et al., Semantic contours from inverse detectors, ICCV 2011. The photos are those of PASCAL VOC 2011. Its
train list contains pictures of VOC's val list; seg11valid leaves them out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fullconv.classes import VOC_NAMES, Classes
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names, without
from fullconv.data.mat import read_mat_mask
from fullconv.errors import FullconvError

SPLITS = ("train", "val", "train_noval")  # train_noval: the authors' 5623 names outside VOC 2012 val
read_segmentation = partial(read_mat_mask, keys=("GTcls", "Segmentation"))


def recognises(root: Path) -> str:
    folder = _folder(root)
    return f"{folder.relative_to(root).as_posix()}/cls/*.mat beside img/" if folder else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Splits are the lists that exist. The classes are VOC's 21, unless given."""
    folder = _folder(root)
    if folder is None:
        raise FullconvError(f"{root}: no cls/*.mat beside img/; give the folder of SBD's release, or its `dataset`")
    classes = options.classes or Classes.named(VOC_NAMES)
    lookup = options.lookup_for(classes)
    splits = {
        split: tuple(
            Sample(name, folder / f"img/{name}.jpg", folder / f"cls/{name}.mat", lookup, open_mask=read_segmentation)
            for name in read_names(folder / f"{split}.txt")
        )
        for split in SPLITS
        if (folder / f"{split}.txt").is_file()
    }
    return Dataset(root, "sbd", classes, splits)


def seg11valid(voc_val: list[str], sbd_train: list[str]) -> list[str]:
    """The paper's validation set: VOC's val list without the pictures that SBD trains on (736 names for VOC 2011)."""
    return without(voc_val, sbd_train)


def _folder(root: Path) -> Path | None:
    for folder in (root, root / "dataset", root / "benchmark_RELEASE" / "dataset"):
        if (folder / "img").is_dir() and any((folder / "cls").glob("*.mat")):
            return folder
    return None
