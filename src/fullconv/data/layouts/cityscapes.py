"""Cityscapes: leftImg8bit/<split>/<city>/*_leftImg8bit.png, gtFine/…/*_gtFine_labelTrainIds.png or *_labelIds.png."""

from __future__ import annotations

from pathlib import Path

from fullconv.classes import VOID, Classes, Colour
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.masks import Lookup, value_lookup
from fullconv.data.split_names import places_in, read_splits
from fullconv.errors import FullconvError
from fullconv.files import files_under

IMAGES, IMAGE_ENDING = "leftImg8bit", "_leftImg8bit"
# Label id → name and colour of the 19 evaluated classes (cityscapesScripts, helpers/labels.py); all others are void.
EVALUATED: dict[int, tuple[str, Colour]] = {
    7: ("road", (128, 64, 128)), 8: ("sidewalk", (244, 35, 232)), 11: ("building", (70, 70, 70)),
    12: ("wall", (102, 102, 156)), 13: ("fence", (190, 153, 153)), 17: ("pole", (153, 153, 153)),
    19: ("traffic light", (250, 170, 30)), 20: ("traffic sign", (220, 220, 0)), 21: ("vegetation", (107, 142, 35)),
    22: ("terrain", (152, 251, 152)), 23: ("sky", (70, 130, 180)), 24: ("person", (220, 20, 60)),
    25: ("rider", (255, 0, 0)), 26: ("car", (0, 0, 142)), 27: ("truck", (0, 0, 70)), 28: ("bus", (0, 60, 100)),
    31: ("train", (0, 80, 100)), 32: ("motorcycle", (0, 0, 230)), 33: ("bicycle", (119, 11, 32)),
}  # fmt: skip
LAST_ID = 33
_VOID_IDS = dict.fromkeys([*range(LAST_ID + 1), VOID], VOID)  # in a file of ids, 255 is the licence plate's -1
TABLES = {
    "labelTrainIds": value_lookup({**{i: i for i in range(len(EVALUATED))}, VOID: VOID}),
    "labelIds": value_lookup(_VOID_IDS | {label: index for index, label in enumerate(EVALUATED)}),
}


def recognises(root: Path) -> str:
    found = (root / IMAGES).is_dir() and _labels_dir(root)
    return f"{IMAGES}/ beside {found.name}/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Splits are the folders in leftImg8bit (without any, all is `train`). The classes are the 19, unless given.

    If both exist, train ids take precedence over label ids.
    """
    names, colours = zip(*EVALUATED.values(), strict=True)
    own = Classes.named(names, colours)
    lookups = {kind: options.with_own(own, table).lookup_for(own) for kind, table in TABLES.items()}
    splits, left_out = read_splits(places_in(root / IMAGES), lambda place: _samples(root, *place, lookups))
    return Dataset(root, "cityscapes", options.classes or own, splits, left_out=left_out)


def _samples(root: Path, folder: Path, deep: bool, lookups: dict[str, Lookup]) -> tuple[Sample, ...]:
    files = files_under(folder, deep=deep)
    pictures = sorted(path for path in files if path.name.endswith(f"{IMAGE_ENDING}.png"))
    if deep and not pictures:
        raise FullconvError(f"{folder}: no *{IMAGE_ENDING}.png; unpack leftImg8bit_trainvaltest.zip there")
    return tuple(_sample(root, picture, lookups) for picture in pictures)


def _sample(root: Path, picture: Path, lookups: dict[str, Lookup]) -> Sample:
    name = picture.relative_to(root / IMAGES).with_suffix("").as_posix().removesuffix(IMAGE_ENDING)
    labels = _labels_dir(root) or root
    for kind, lookup in lookups.items():
        mask = labels / f"{name}_{labels.name}_{kind}.png"
        if mask.is_file():
            return Sample(name, picture, mask, lookup)
    raise FullconvError(f"{picture}: no {mask.name} in {mask.parent}; unpack gtFine_trainvaltest.zip beside it")


def _labels_dir(root: Path) -> Path | None:
    return next((root / name for name in ("gtFine", "gtCoarse") if (root / name).is_dir()), None)
