"""Opens DATA even if training would refuse it, so that all problems are reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.assumption import UNNAMED, Assumption, assumption_of, meaning_of
from fullconv.data.data_file import DataFile
from fullconv.data.dataset import Dataset
from fullconv.data.description import NAMELESS, OWN, describe, description_in, folder_of, read_data_file
from fullconv.data.doctor.finding import ERROR, NOTE, Finding
from fullconv.data.doctor.repair import pair_anyway
from fullconv.data.inside import Outside
from fullconv.data.label_meanings import LabelMeanings, parse_label_meanings
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import yolo
from fullconv.data.masks import read_mask
from fullconv.data.recognition import find_layout
from fullconv.data.split_names import share_of
from fullconv.errors import FullconvError, prefix_errors

DESCRIBED = (
    "coco",
    "geojson",
    "labelme",
    "nnunet",
    "nyud",
    "pascal_context",
    "sbd",
    "siftflow",
    "yolo",
)  # not recognised by pairs of pictures


@dataclass(frozen=True)
class Subject:
    """What is examined: the data, whether its classes have names, and the problems found while opening it.

    `own`: the classes before the mapping of the data YAML (None: the same). `file`: its keys. `assumed`: whether there
    is none, and what the masks mean is clear. `held_back`: whether fullconv chose the pictures of val.
    """

    dataset: Dataset
    named: bool = True
    findings: tuple[Finding, ...] = ()
    own: Classes | None = None
    file: DataFile = field(default_factory=DataFile)
    assumed: bool = False
    held_back: bool = False


def open_anyway(data: Path, outside: Sequence[str | Path] = ()) -> Subject:
    """Opens the data. Raises FullconvError if nothing exists at `data`. If it holds no pairs, that becomes the
    finding."""
    if not data.exists():
        raise FullconvError(f"{data}: no such folder or data YAML")
    try:
        described = describe(data, outside)
        with prefix_errors(data):
            dataset = described.mapped()
    except Outside as error:
        return _unreadable(data, str(error))
    except FullconvError as error:
        return _repaired(data, str(error))
    file, assumption = file_of(data), described.assumption
    findings = _assumed(assumption) if assumption else ()
    held_back = assumption.holds_back if assumption else share_of(file.val) is not None
    return Subject(dataset, True, findings, described.dataset.classes, file, assumption is not None, held_back)


def file_of(data: Path) -> DataFile:
    """Returns the keys of a data YAML, or none for a folder, or a YAML for another tool."""
    path = description_in(data)
    return DataFile() if path.is_dir() or yolo.describes(path) else read_data_file(path)


def _assumed(assumption: Assumption) -> tuple[Finding, ...]:
    sentences = assumption.lines[1 : len(assumption.lines) - len(assumption.doubts)]
    text = f"no data.yaml, so train assumes: {'; '.join(sentences)}."
    remedy = f"To name the classes, edit these lines and save them as {OWN[0]} in the folder"
    return Finding("no-names", NOTE, f"{text} {remedy}", remedy=assumption.text), *assumption.doubts


def _repaired(data: Path, reason: str) -> Subject:
    try:
        root, file, options = _described(data)
        if (found := find_layout(root)) and found.name in DESCRIBED:
            return _unreadable(root, reason)
    except FullconvError:  # the same error again, or that of a YAML for another tool, which has its own reason
        return _unreadable(data, reason)
    try:
        names_classes = found is not None and found.name not in NAMELESS
        is_bare = description_in(data).is_dir() and not names_classes
        known = _meant(root, file, options, reason) if is_bare else None
        subject = known or _paired(root, file, options, reason)
        return _unreadable(root, reason) if names_classes and not subject.findings else subject
    except FullconvError as error:
        return _unreadable(data, str(error))


def _meant(root: Path, file: DataFile, options: LayoutOptions, reason: str) -> Subject | None:
    """Pairs the pictures of a folder without a data YAML, and adds what train will assume of their masks once the
    pairs are mended. Returns None if it is unclear what the masks mean."""
    dataset, findings = pair_anyway(root, file, options)
    try:
        meaning = meaning_of([sample for split in dataset.splits.values() for sample in split], root)
    except FullconvError:
        return None
    assumption = assumption_of(root, meaning, "val" not in dataset.splits)
    meanings = parse_label_meanings(assumption.keys["names"], assumption.keys.get("colours"), {})
    options = replace(options, classes=meanings.classes, lookup=meanings.lookup, open_mask=meanings.open_mask)
    findings = (*(findings or (_refusal(reason),)), *_assumed(assumption))
    return Subject(pair_anyway(root, file, options)[0], True, findings, meanings.classes, file, assumed=True)


def _paired(root: Path, file: DataFile, options: LayoutOptions, reason: str) -> Subject:
    """Pairs pictures and masks by their names as well as possible. Without any, `reason` is the finding."""
    named = options.classes is not UNNAMED
    dataset, findings = pair_anyway(root, file, options)
    if not any(dataset.splits.values()) and not findings:
        return _unreadable(root, reason)
    if named and not findings:
        findings = (_refusal(reason),)
    return Subject(dataset, named, findings, options.classes if named else None, file)


def _unreadable(data: Path, reason: str) -> Subject:
    return Subject(Dataset(data, "none", UNNAMED, {}), named=False, findings=(_refusal(reason),))


def _refusal(reason: str) -> Finding:
    """Splits the message of an error in two: what is wrong, and what to do."""
    text, _, remedy = reason.partition("; ")
    return Finding("not-recognised", ERROR, text, remedy=remedy)


def _described(data: Path) -> tuple[Path, DataFile, LayoutOptions]:
    """Returns (root, keys, how pairs are read) of a folder or a data YAML."""
    data = description_in(data)
    if data.is_dir():
        return data, DataFile(), LayoutOptions(classes=UNNAMED)
    file = read_data_file(data)
    with prefix_errors(data):
        meanings = file.label_meanings() or LabelMeanings(UNNAMED, None, read_mask)
    options = LayoutOptions(meanings.classes, meanings.lookup, meanings.open_mask, file.masks_dir)
    return folder_of(data, file), file, options
