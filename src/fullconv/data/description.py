"""DATA on the command line → Dataset: a folder whose layout is recognised, or a YAML that describes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset
from fullconv.data.layouts import ade20k, pairs
from fullconv.data.naming import parse_naming
from fullconv.data.options import Options
from fullconv.data.recognition import find_layout, recognise
from fullconv.data.splits import Chooser
from fullconv.errors import FullconvError
from fullconv.yaml_files import read_yaml

SPLITS = ("train", "val", "test")
KEYS = (
    "path", *SPLITS, "names", "colours", "masks_dir", "label_mapping", "classes", "reduce_zero_label", "inputs", "sbd",
)  # fmt: skip


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
        return Description(recognise(path).layout.read(path, Options()))
    if not path.is_file():
        raise FullconvError(f"{path}: no such folder or data YAML")
    values = read_yaml(path, KEYS)
    root = (path.parent / values.get("path", ".")).resolve()
    if not root.is_dir():
        raise FullconvError(f"{root}: no such folder; `path` in a data YAML counts from the YAML's own folder")
    mapping = values.get("label_mapping") or {}
    dataset = _read_folder(root, _options(values, mapping, path.parent), values)
    _refuse_unused(path, values, dataset.layout)
    wanted = values.get("classes")
    by_name = {name: str(target) for name, target in mapping.items() if isinstance(name, str)}
    return Description(dataset, tuple(wanted) if wanted else None, by_name)


def _read_folder(root: Path, options: Options, values: Mapping[str, Any]) -> Dataset:
    """The folder in its layout, then the splits that the YAML names instead of the layout's."""
    asked = {split: values[split] for split in SPLITS if values.get(split) is not None}
    dataset = _own_layout(root, options, needed=not asked)
    if dataset is not None and not asked:
        return dataset
    chooser = Chooser(root, options, dataset)
    splits = {split: chooser.choose(wish) for split, wish in asked.items()}
    return replace(dataset or Dataset(root, "listed", options.named_classes(root), {}), splits=splits)


def _own_layout(root: Path, options: Options, needed: bool) -> Dataset | None:
    """What lies in the folder. Where splits are named, it need not have a layout of its own."""
    if options.masks_dir != "masks":
        return pairs.read(root, options) if needed or pairs.recognises(root, options.masks_dir) else None
    found = recognise(root) if needed else find_layout(root)
    return found.layout.read(root, options) if found else None


def _refuse_unused(path: Path, values: Mapping[str, Any], layout: str) -> None:
    """A key that means nothing for the layout found is a mistake."""
    for key, only in (("inputs", "nyud"), ("sbd", "voc")):
        if key in values and layout != only:
            raise FullconvError(f"{path}: {key} is for the layout {only}, and this is {layout}; remove it")


def _options(values: Mapping[str, Any], mapping: Mapping[Any, Any], folder: Path) -> Options:
    options = Options(masks_dir=values.get("masks_dir", "masks"), inputs=values.get("inputs", "color"))
    if values.get("sbd"):
        options = replace(options, sbd=(folder / values["sbd"]).resolve())
    numbers = {value: target for value, target in mapping.items() if isinstance(value, int)}
    if values.get("names") is None:
        if numbers or values.get("reduce_zero_label"):
            raise FullconvError(f"{folder}: mask values are given a meaning, but no class a name; add `names: [...]`")
        return options
    naming = parse_naming(values["names"], values.get("colours"), numbers)
    lookup = ade20k.shifted_lookup(naming.classes) if values.get("reduce_zero_label") else naming.lookup
    return replace(options, classes=naming.classes, lookup=lookup, open_mask=naming.open_mask)
