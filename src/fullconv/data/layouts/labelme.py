"""labelme: a .json for every picture, in one folder, sub-folders, or train/, val/, test/, and optionally labels.txt."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.damage import reason_of
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.json_files import read_json
from fullconv.data.labelme_masks import Shapes, label_of, picture_of, read_annotation
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.split_names import SPELLINGS, Found, Samples, by_split, read_splits, split_of
from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.images import is_image_name

IGNORE, BACKGROUND = "__ignore__", "_background_"  # defined by labelme
KEYS = {"shapes", "imagePath"}
TRIED = 50  # .json files that are looked into: other tools write some too


def recognises(root: Path) -> str:
    """Looks into a few files, because the name of a .json says little."""
    first = next(filter(_is_annotation, islice(_json_files(root), TRIED)), None)
    return f"shapes and imagePath in {first.relative_to(root).as_posix()}" if first else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Classes are the names in the YAML, those in labels.txt, or all labels found, sorted. The area outside is
    background.

    Shapes labelled __ignore__ are void. The mask is drawn when it is read.
    """
    pictures = {path for path in files_under(root) if is_image_name(path)}
    files, foreign = _annotations(root, {path.with_suffix("") for path in pictures})
    found = _by_folder(root, files)
    used = [path for split in SPELLINGS for _, rows in found.get(split, ()) for _, path in rows]
    classes = options.classes or Classes.named(_names(root, used))
    values = {**{name: i for i, name in enumerate(classes.names)}, BACKGROUND: 0, IGNORE: VOID, "void": VOID}
    lookup = options.lookup_for(classes)

    def samples(paths: Sequence[tuple[str, Path]]) -> Samples:
        return tuple(Sample(name, _image(path), path, lookup, open_mask=Shapes(values)) for name, path in paths)

    splits, left_out = read_splits(found, samples)
    unlabelled = _unlabelled(pictures, [sample for some in splits.values() for sample in some])
    return Dataset(root, "labelme", classes, splits, left_out=(*left_out, *foreign, *unlabelled))


def _annotations(root: Path, pictures: set[Path]) -> tuple[list[Path], list[str]]:
    """Returns (the annotations, a line about other .json files). What lies beside its picture must be an annotation."""
    every = sorted(_json_files(root))
    foreign = [path for path in every if path.with_suffix("") not in pictures and _is_foreign(path)]
    return sorted({*every} - {*foreign}), _counted(foreign, ".json file of other tools", ".json files of other tools")


def _json_files(root: Path) -> Iterator[Path]:
    return (path for path in files_under(root) if path.suffix.lower() == ".json")


def _is_annotation(path: Path) -> bool:
    try:
        return read_json(path).keys() >= KEYS
    except FullconvError:
        return False


def _is_foreign(path: Path) -> bool:
    """Whether it is JSON of something else. A damaged file is not: it may be an annotation."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError):
        return False
    return not (isinstance(content, dict) and KEYS & content.keys())


def _by_folder(root: Path, files: Sequence[Path]) -> Found[list[tuple[str, Path]]]:
    """Divides the files by the first folder on their way that is called like a split, or else by the first one."""
    folders: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in files:
        *above, last = path.relative_to(root).with_suffix("").parts
        at = next((i for i, name in enumerate(above) if split_of(name)), 0)
        folders["".join(above[at : at + 1])].append(("/".join([*above[at + 1 :], last]), path))
    return by_split(folders.items())


def _unlabelled(pictures: set[Path], samples: Sequence[Sample]) -> list[str]:
    """Returns a line about pictures beside labelled ones, or in a split, that are not labelled."""
    labelled = {os.path.abspath(sample.image_path) for sample in samples}
    folders = {os.path.dirname(path) for path in labelled}
    near = (path for path in pictures if os.path.abspath(path.parent) in folders or split_of(path.parent.name))
    alone = sorted(path for path in near if os.path.abspath(path) not in labelled)
    return _counted(alone, "picture without a .json", "pictures without a .json")


def _counted(paths: Sequence[Path], one: str, several: str) -> list[str]:
    """Returns one line about all, or none if there are none."""
    return [f"{paths[0]}: one of {len(paths)} {several}" if len(paths) > 1 else f"{paths[0]}: a {one}"] if paths else []


def _names(root: Path, files: list[Path]) -> tuple[str, ...]:
    if (root / "labels.txt").is_file():
        listed = read_names(root / "labels.txt")
    else:
        listed = sorted({label for path in files for label in _labels(path)})
    names = [name for name in listed if name not in (IGNORE, "void", BACKGROUND, "background")]
    return ("background", *names)


def _labels(path: Path) -> list[str]:
    try:
        return [label_of(shape) for shape in read_annotation(path)["shapes"]]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FullconvError(f"{path}: a shape cannot be read ({reason_of(error)}); correct it in labelme") from None


def _image(path: Path) -> Path:
    return picture_of(read_annotation(path), path)
