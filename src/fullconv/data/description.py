"""DATA on the command line → Dataset: a folder whose layout is recognised, or a YAML that describes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.data import pairs, voc
from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError
from fullconv.yaml_files import read_yaml

KEYS = ("path", "names", "colours", "masks_dir", "label_mapping", "classes")


@dataclass(frozen=True)
class Description:
    """A dataset as described: the pictures with their own classes, and how those map to the wanted ones."""

    dataset: Dataset
    classes: tuple[str, ...] | None = None  # the names to train on; None: the data's own
    label_mapping: dict[str, str] = field(default_factory=dict)

    def mapped(self) -> Dataset:
        if self.classes is None and not self.label_mapping:
            return self.dataset
        names = self.classes or tuple(n for n in self.dataset.classes.names if n not in self.label_mapping)
        return self.dataset.mapped_to(Classes.named(names), self.label_mapping)


def open_dataset(data: str | Path) -> Dataset:
    """The data with the classes that its description asks for. Raises FullconvError where nothing is recognised."""
    return describe(data).mapped()


def describe(data: str | Path) -> Description:
    path = Path(data)
    if path.is_dir():
        return Description(_read_folder(path))
    if not path.is_file():
        raise FullconvError(f"{path}: no such folder or data YAML")
    values = read_yaml(path, KEYS)
    root = (path.parent / values.get("path", ".")).resolve()
    dataset = _read_folder(root, _classes(values), values.get("masks_dir", "masks"))
    wanted = values.get("classes")
    return Description(dataset, tuple(wanted) if wanted else None, values.get("label_mapping") or {})


def _read_folder(root: Path, classes: Classes | None = None, masks_dir: str = "masks") -> Dataset:
    if not root.is_dir():
        raise FullconvError(f"{root}: no such folder; `path` in a data YAML counts from the YAML's own folder")
    if voc.recognises(root):
        return voc.read(root, classes)
    if pairs.recognises(root) or masks_dir != "masks":
        return pairs.read(root, classes, masks_dir)
    raise FullconvError(
        f"{root}: layout not recognised; fullconv reads a VOC devkit (JPEGImages, SegmentationClass, ImageSets), "
        "or images/ beside masks/ with equal names"
    )


def _classes(values: dict[str, Any]) -> Classes | None:
    names = values.get("names")
    if names is None:
        return None
    if isinstance(names, dict):  # {0: background, 1: cat}, as in other tools' YAML
        if sorted(names) != list(range(len(names))):
            raise FullconvError(f"names: the numbers are {sorted(names)}; count from 0 without a gap")
        names = [names[i] for i in range(len(names))]
    return Classes.named([str(name) for name in names], values.get("colours"))
