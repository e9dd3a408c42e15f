"""NYUDv2 with 40 classes as the FCN authors use it: data/images, data/depth, data/hha, segmentation/*.mat, lists.

Values 1–40 are the classes of Gupta et al., CVPR 2013, and 0 is void. `inputs` in a data YAML sets the content of a
picture, named like the published networks: color, hha, color-d (RGB and the logarithm of depth), color-hha.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv import images
from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.masks import opened, value_lookup
from fullconv.data.mat import read_mat_mask
from fullconv.data.stored_values import stored_values
from fullconv.errors import FullconvError, suggestion
from fullconv.published_classes import NYUD
from fullconv.view import Picture

SPLITS = ("train", "val", "trainval", "test")
read_segmentation = partial(read_mat_mask, keys=("segmentation",))


def recognises(root: Path) -> str:
    found = (root / "data" / "images").is_dir() and any((root / "segmentation").glob("img_*.mat"))
    return "data/images/ and segmentation/img_*.mat" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Every list in root (train.txt, val.txt, trainval.txt, test.txt) is a split."""
    classes = options.classes or Classes.named(NYUD)
    lookup = value_lookup({**{i + 1: i for i in range(len(classes))}, 0: VOID, VOID: VOID})
    picture = Channels(inputs_of(options.inputs))
    splits = {
        split: tuple(
            Sample(name, _file(root, "images", name), root / "segmentation" / f"img_{name}.mat", lookup, picture,
                   read_segmentation)
            for name in read_names(root / f"{split}.txt")
        )
        for split in SPLITS
        if (root / f"{split}.txt").is_file()
    }  # fmt: skip
    if not splits:
        raise FullconvError(f"{root}: no train.txt or test.txt; add lists of numbers such as 5001, one per line")
    return Dataset(root, "nyud", classes, splits)


@dataclass(frozen=True)
class Channels:
    """Reads the parts of a picture, which have the same name in sibling folders, and joins their channels."""

    parts: tuple[str, ...]

    def __call__(self, path: Path) -> Picture:
        """Returns uint8, or float32 if the logarithm of depth is included. The published networks take both
        unchanged."""
        channels = [READERS[part](path.parent.parent / part / path.name) for part in self.parts]
        return Picture(np.concatenate(channels, 2), str(path), ready=True)


def read_log_depth(path: Path) -> NDArray[np.float32]:
    """(H, W, 1): the natural logarithm of depth as stored (millimetres); 0 where depth is missing."""
    with opened(path, "picture") as picture:
        depth = stored_values(picture).astype(np.float32)
    return np.log(depth.clip(min=1))[..., None]


READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    "images": images.read, "hha": images.read, "depth": read_log_depth,
}  # fmt: skip
INPUTS = {"color": ("images",), "hha": ("hha",), "color-d": ("images", "depth"), "color-hha": ("images", "hha")}


def inputs_of(name: str) -> tuple[str, ...]:
    if name not in INPUTS:
        raise FullconvError(f"unknown inputs {name!r}; choose from {', '.join(INPUTS)}{suggestion(name, INPUTS)}")
    return INPUTS[name]


def _file(root: Path, part: str, name: str) -> Path:
    return root / "data" / part / f"img_{name}.png"
