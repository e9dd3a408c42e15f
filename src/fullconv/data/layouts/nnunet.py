"""nnU-Net's raw data: imagesTr, labelsTr, dataset.json; 2-D PNG, BMP or TIFF, one file per channel (_0000, _0001 …)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, Classes
from fullconv.data.bands import read_bands, read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.json_files import read_json
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.masks import Lookup, value_lookup
from fullconv.errors import FullconvError
from fullconv.files import glob_in
from fullconv.view import Picture
from fullconv.words import counted

ENDINGS = (".png", ".bmp", ".tif", ".tiff")
FOLDERS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
FIRST = "_0000"


def recognises(root: Path) -> str:
    found = (root / "dataset.json").is_file() and (root / "imagesTr").is_dir() and (root / "labelsTr").is_dir()
    return "dataset.json, imagesTr/ and labelsTr/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """imagesTr is `train`. imagesTs is `test`, if it has labels.

    A label named `ignore` is void. The files of several channels become one (H, W, C) picture.
    """
    description = read_json(root / "dataset.json")
    ending = str(description.get("file_ending", ".nii.gz"))
    if ending not in ENDINGS:
        raise FullconvError(f"{root / 'dataset.json'}: {ending} files are volumes; export 2-D PNG or TIFF")
    labels = _labels(description.get("labels", {}), root / "dataset.json")
    classes = options.classes or Classes.named(tuple(name for name in labels if name != "ignore"))
    lookup = options.lookup
    if lookup is None:
        lookup = _lookup(labels)
    splits = {
        split: _samples(root / pictures, root / masks, ending, lookup)
        for split, (pictures, masks) in FOLDERS.items()
        if (root / pictures).is_dir() and (root / masks).is_dir()
    }
    return Dataset(root, "nnunet", classes, splits)


@dataclass(frozen=True)
class Channels:
    """The files of a picture's channels, in order."""

    paths: tuple[Path, ...]

    def __call__(self, path: Path) -> Picture:
        """(H, W, C) in the type of the files. Raises FullconvError if the files differ in size."""
        channels = [_read_channel(channel) for channel in self.paths]
        if len({channel.shape for channel in channels}) > 1:
            raise FullconvError(f"{path}: its channels differ in size; export them again from one picture")
        return Picture(np.concatenate(channels, 2), str(path))


def _read_channel(path: Path) -> NDArray[Any]:
    """(H, W, 1)"""
    values = read_bands(path)
    if values.shape[2] > 1 and (values != values[..., :1]).any():  # 8-bit greys are read as RGB
        raise FullconvError(f"{path}: a colour picture among channel files; give each channel a file of its own")
    return values[..., :1]


def _samples(image_dir: Path, label_dir: Path, ending: str, lookup: Lookup) -> tuple[Sample, ...]:
    found = []
    for first in glob_in(image_dir, f"*{FIRST}{ending}"):
        name = first.name.removesuffix(f"{FIRST}{ending}")
        label = label_dir / f"{name}{ending}"
        paths = tuple(sorted(image_dir.glob(f"{name}_[0-9][0-9][0-9][0-9]{ending}")))
        found.append(Sample(name, first, label, lookup, read_picture if len(paths) == 1 else Channels(paths)))
    if not found:
        raise FullconvError(f"{image_dir}: no *{FIRST}{ending}; name channel files as nnU-Net does")
    _refuse_alone(found, glob_in(label_dir, f"*{ending}"))
    return tuple(found)


def _refuse_alone(samples: Sequence[Sample], labels: Sequence[Path]) -> None:
    """Raises FullconvError if a label has no image."""
    alone = sorted({*labels} - {sample.label_path for sample in samples})
    if alone:
        raise FullconvError(
            f"{alone[0]}: no {alone[0].stem}{FIRST}{alone[0].suffix} in {samples[0].image_path.parent} "
            f"({counted(len(alone), 'label')} without an image); add it, or remove the label"
        )


def _labels(labels: Mapping[str, Any], path: Path) -> dict[str, int]:
    """{name: value}. The first version of nnU-Net had {value: name}."""
    turned = {str(v): k for k, v in labels.items()} if all(str(k).isdecimal() for k in labels) else labels
    if not turned or not all(str(value).isdecimal() and int(value) <= VOID for value in turned.values()):
        raise FullconvError(
            f"{path}: `labels` with one value per name are needed, 0 to {VOID}; regions (lists) are not supported"
        )
    return dict(sorted(((name, int(value)) for name, value in turned.items()), key=lambda item: item[1]))


def _lookup(labels: Mapping[str, int]) -> Lookup:
    classes = [value for name, value in labels.items() if name != "ignore"]
    ignored = {labels["ignore"]: VOID} if "ignore" in labels else {}
    return value_lookup({value: index for index, value in enumerate(classes)} | ignored | {VOID: VOID})
