"""Opens DATA from the command line as a Dataset: a folder in a known layout, or a YAML that describes one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.damage import as_one_line
from fullconv.data.added import add_pictures
from fullconv.data.assumption import Assumption, assume
from fullconv.data.data_file import DataFile
from fullconv.data.dataset import Dataset
from fullconv.data.inside import refuse_outside
from fullconv.data.label_meanings import check_mapping, with_rest
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import pairs, yolo
from fullconv.data.recognition import find_layout, recognise
from fullconv.data.split_names import TRAIN
from fullconv.data.splits import Chooser, choose_splits
from fullconv.data.unlabelled import read_unlabelled
from fullconv.errors import FullconvError, prefix_errors
from fullconv.files import path_of
from fullconv.images import is_image_name
from fullconv.listed import listed
from fullconv.logger import logger
from fullconv.typed_values import check_values, hint
from fullconv.words import counted
from fullconv.yaml_files import read_yaml

SPLITS = (TRAIN, "val", "test")
BOXES = ("void", "region")
FIXED = ("nyud", "pets", "siftflow")  # layouts whose release defines the mask values
OWN = ("data.yaml", "data.yml")  # names of a data YAML in the folder that it describes
NAMELESS = ("pairs", "one_folder")  # layouts that do not name classes
PICTURES = (
    "pairs",
    "one_folder",
    "listed",
    "voc",
    "camvid",
    "ade20k",
    "roboflow",
)  # layouts whose masks may be in colour


@dataclass(frozen=True)
class Description:
    """A data set as described: the pictures with their own classes, and how those map to the requested ones."""

    dataset: Dataset
    classes: tuple[str, ...] | None = None  # the names to train on; None: the data's own
    label_mapping: dict[str, str] = field(default_factory=dict)
    assumption: Assumption | None = None  # what was assumed about the data
    added: tuple[Dataset, ...] = ()  # further data sets whose pictures are also trained on

    def mapped(self) -> Dataset:
        """Returns the data with the requested classes. Raises FullconvError if the mapping names an unknown class on
        either side."""
        own = self._own_mapped()
        for more in self.added:
            own = add_pictures(own, more, self.label_mapping)
        return own

    def _own_mapped(self) -> Dataset:
        if self.classes is None and not self.label_mapping:
            return self.dataset
        check_mapping(self.label_mapping, self.dataset.classes.names)
        own = self.dataset.classes.names
        names = self.classes or tuple(name for name in own if self.label_mapping.get(name, name) == name)
        for target in self.label_mapping.values():
            if target not in (*names, "void"):
                raise FullconvError(f"label_mapping: no class {target!r} to map to; {hint(target, (*names, 'void'))}")
        return self.dataset.mapped_to(Classes.named(names), self.label_mapping)


def folder_of(path: Path, file: DataFile) -> Path:
    """Returns the folder of the data that the YAML `path` describes."""
    with as_one_line(path, "a data YAML"):
        return (path.parent / file.path).resolve()


def open_dataset(data: str | Path, outside: Sequence[str | Path] = ()) -> Dataset:
    """Opens labelled pictures. `data` is a folder in a known layout, or a data YAML.

    Returns the classes that the description requests. Files that lists and annotations refer to must be in the data's
    folder or in one of `outside`. Raises FullconvError if the layout is not recognised.
    """
    description = describe(path_of("data", data), outside)
    with prefix_errors(data):
        return description.mapped()


def read_data_file(path: Path) -> DataFile:
    """Reads a data YAML, with every value in its type. A key without a value counts as missing."""
    values = read_yaml(path, [key.name for key in fields(DataFile)])
    with prefix_errors(path):
        return DataFile(**check_values(DataFile, {key: value for key, value in values.items() if value is not None}))


def describe(data: str | Path, outside: Sequence[str | Path] = (), holds_back: bool = True) -> Description:
    """Describes the data as it is. `holds_back`: whether pictures of a folder without a data YAML become its val."""
    with as_one_line(Path(data), "a data set"):
        description = _described(description_in(Path(data)), holds_back)
    for dataset in (description.dataset, *description.added):
        refuse_outside(dataset, [Path(folder) for folder in listed("outside", outside)])
        _note_repeats(dataset)
    return description


def _note_repeats(dataset: Dataset) -> None:
    """Repeating a picture gives it more weight, which may be meant."""
    for split, samples in dataset.splits.items():
        twice = [path for path, count in Counter(sample.image_path for sample in samples).items() if count > 1]
        if twice:
            pictures = counted(len(twice), "picture")
            logger.warning(
                f"{dataset.root}: {split} has {pictures} more than once, such as {twice[0].name}; "
                "each counts as often as it is listed"
            )


def description_in(data: Path) -> Path:
    """Returns the data YAML in a folder if there is one, otherwise the given path."""
    return next((path for name in OWN if (path := data / name).is_file()), data)


def _described(path: Path, holds_back: bool = True) -> Description:
    if path.is_dir():
        return _describe_folder(path, holds_back)
    if not path.is_file():
        raise FullconvError(f"{path}: no such folder or data YAML")
    if is_image_name(path):
        raise FullconvError(f"{path}: a picture; give a folder of pictures and masks, or a data YAML")
    if yolo.describes(path):
        return _describe_yolo(path)
    return _describe_by(read_data_file(path), path)


def _describe_folder(root: Path, holds_back: bool) -> Description:
    """Describes a folder without a data YAML. The classes come from its layout, or from what its masks contain."""
    found = recognise(root)
    if found.name not in NAMELESS:
        return Description(found.read(root, LayoutOptions()))
    assumption = assume(root, found, holds_back)
    file = DataFile(**check_values(DataFile, assumption.keys))
    return replace(_describe_by(file, root / OWN[0]), assumption=assumption)


def _describe_yolo(path: Path) -> Description:
    """Describes the data of a YAML that was written for Ultralytics. Keys of ours belong in a YAML of its own."""
    own = [key.name for key in fields(DataFile) if key.name not in ("path", "names", *SPLITS)]
    if mixed := [key for key in read_yaml(path) if key in own]:
        raise FullconvError(
            f"{path}: {mixed[0]} cannot be added to a YAML for Ultralytics; write another YAML with "
            f"`path: {path.parent}` and `{mixed[0]}: …`"
        )
    return Description(yolo.read_by(path, LayoutOptions()))


def _describe_by(file: DataFile, path: Path) -> Description:
    """Describes what `file`, the data YAML at `path`, contains."""
    root = folder_of(path, file)
    if not root.is_dir():
        raise FullconvError(f"{root}: no such folder; `path` in a data YAML is relative to the YAML's own folder")
    with prefix_errors(path):
        options, mapping = _options(file, path.parent), file.by_name()
    dataset = _read_folder(root, options, file)
    with prefix_errors(path):
        if file.unlabelled is not None:
            dataset = replace(dataset, unlabelled=read_unlabelled(root, file.unlabelled))
        _refuse_unused(file, dataset)
        mapping = with_rest(mapping, dataset.classes.names, file.classes or ())
        check_mapping(mapping, dataset.classes.names)
    return Description(dataset, file.classes or None, mapping, added=tuple(_added(file.added or (), root)))


def _added(asked: Any, root: Path) -> Iterator[Dataset]:
    """Yields folders or data YAMLs, each with its own layout and classes."""
    for place in [asked] if isinstance(asked, str) else asked:
        if not isinstance(place, str) or not (root / place).exists():
            raise FullconvError(f"{root}: added: {place} is not a folder; it is relative to `path` in the data YAML")
        yield _described(description_in(root / place)).mapped()


def _read_folder(root: Path, options: LayoutOptions, file: DataFile) -> Dataset:
    """Reads the folder in its layout, then replaces the splits that the YAML names."""
    asked = {split: wish for split in SPLITS if (wish := getattr(file, split)) is not None}
    dataset = _own_layout(root, options, needed=not asked)
    if dataset is not None and not asked:
        return dataset
    chooser = Chooser(root, options, dataset)
    splits = choose_splits(chooser, asked)
    dataset = dataset or Dataset(root, "listed", options.named_classes(root), {})
    left_out = () if TRAIN in asked else dataset.left_out
    return replace(dataset, splits=splits, beside=(*dataset.beside, *chooser.named), left_out=left_out)


def _own_layout(root: Path, options: LayoutOptions, needed: bool) -> Dataset | None:
    """Reads the folder's own layout, which is not needed if splits are named."""
    if options.masks_dir != "masks":
        return pairs.read(root, options) if needed or pairs.recognises(root, options.masks_dir) else None
    found = recognise(root) if needed else find_layout(root)
    return found.read(root, options) if found else None


def _refuse_unused(file: DataFile, dataset: Dataset) -> None:
    """Raises FullconvError for a key that has no meaning in the layout found."""
    for key, only in (("inputs", "nyud"), ("sbd", "voc"), ("boxes", "coco or yolo")):
        if getattr(file, key) is not None and dataset.layout not in only.split(" or "):
            raise FullconvError(f"{key} only applies to the layout {only}, but this is {dataset.layout}; remove it")
    meanings = file.label_meanings()
    if meanings is None:
        return
    if dataset.layout in FIXED and meanings.lookup is not None:
        raise FullconvError(
            f"the layout {dataset.layout} says itself what mask values mean; leave values, colours and "
            "reduce_zero_label out, and map classes by their names"
        )
    if meanings.in_colour and dataset.layout not in PICTURES:
        raise FullconvError(
            f"names: the masks of the layout {dataset.layout} have no colours; give only the class names"
        )


def _options(file: DataFile, folder: Path) -> LayoutOptions:
    options = LayoutOptions(masks_dir=file.masks_dir, inputs=file.inputs or "color", boxes=file.boxes or BOXES[0])
    if options.boxes not in BOXES:
        raise FullconvError(f"boxes: {options.boxes!r}; give {' or '.join(BOXES)}")
    if file.sbd:
        options = replace(options, sbd=(folder / file.sbd).resolve())
    meanings = file.label_meanings()
    if meanings is None:
        return options
    return replace(options, classes=meanings.classes, lookup=meanings.lookup, open_mask=meanings.open_mask)
