"""labelme: a .json beside every picture, in one folder or in train/, val/, test/, and optionally labels.txt."""

from __future__ import annotations

from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.damage import reason_of
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.json_files import read_json
from fullconv.data.labelme_masks import Shapes, label_of, picture_of, read_annotation
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.errors import FullconvError

IGNORE, BACKGROUND = "__ignore__", "_background_"  # defined by labelme
SPLITS = ("train", "val", "test")


def recognises(root: Path) -> str:
    """Reads one file, because the name of a .json says little."""
    first = next((path for paths in _files(root).values() for path in paths), None)
    if first is None:
        return ""
    try:
        found = {"shapes", "imagePath"} <= read_json(first).keys()
    except FullconvError:
        return ""
    return f"shapes and imagePath in {first.relative_to(root).as_posix()}" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Classes are the names in the YAML, those in labels.txt, or all labels found, sorted. The area outside is
    background.

    Shapes labelled __ignore__ are void. The mask is drawn when it is read.
    """
    files = _files(root)
    classes = options.classes or Classes.named(_names(root, [path for paths in files.values() for path in paths]))
    values = {**{name: i for i, name in enumerate(classes.names)}, BACKGROUND: 0, IGNORE: VOID, "void": VOID}
    lookup = options.lookup_for(classes)
    return Dataset(
        root, "labelme", classes,
        {
            split: tuple(
                Sample(path.stem, _image(path), path, lookup, open_mask=Shapes(values)) for path in paths
            )
            for split, paths in files.items()
        },
    )  # fmt: skip


def _files(root: Path) -> dict[str, list[Path]]:
    """{split: .json files}. Without split folders, the files in root, or in the folders directly in it, are `train`."""
    found = {split: sorted((root / split).glob("*.json")) for split in SPLITS}
    found = {split: paths for split, paths in found.items() if paths}
    whole = sorted(root.glob("*.json")) or sorted(root.glob("*/*.json"))
    return found or ({"train": whole} if whole else {})


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
