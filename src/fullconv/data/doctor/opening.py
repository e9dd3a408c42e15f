"""Opens DATA even if training would refuse it, so that all problems are reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv.data.assumption import UNNAMED, Assumption
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.description import OWN, describe, description_in, folder_of, read_data_file
from fullconv.data.doctor.finding import ERROR, NOTE, Finding
from fullconv.data.doctor.names import judge_names
from fullconv.data.inside import Outside
from fullconv.data.label_meanings import LabelMeanings
from fullconv.data.layouts.pairs import find_folders
from fullconv.data.masks import identity_lookup, read_mask
from fullconv.data.pairing import Pairing, by_name, pair
from fullconv.data.recognition import find_layout
from fullconv.data.split_names import SPELLINGS
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
    """What is examined: the data, whether its classes have names, and the problems found while opening it."""

    dataset: Dataset
    named: bool = True
    findings: tuple[Finding, ...] = ()


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
    return Subject(dataset, findings=(_assumed(described.assumption),) if described.assumption else ())


def _assumed(assumption: Assumption) -> Finding:
    text = f"no data.yaml, so train assumes: {'; '.join(assumption.lines[1:])}."
    remedy = f"To name the classes, edit these lines and save them as {OWN[0]} in the folder"
    return Finding("no-names", NOTE, f"{text} {remedy}", remedy=assumption.text)


def _repaired(data: Path, reason: str) -> Subject:
    try:
        root, meanings, masks_dir = _described(data)
        if (found := find_layout(root)) and found.name in DESCRIBED:
            return _unreadable(root, reason)
    except FullconvError:  # the same error again, or that of a YAML for another tool, which has its own reason
        return _unreadable(data, reason)
    try:
        return _paired(root, meanings, masks_dir, reason)
    except FullconvError as error:
        return _unreadable(data, str(error))


def _paired(root: Path, meanings: LabelMeanings, masks_dir: str, reason: str) -> Subject:
    """Pairs pictures and masks by their names as well as possible. Without any, `reason` is the finding."""
    named = meanings.classes is not UNNAMED
    splits: dict[str, tuple[Sample, ...]] = {}
    findings: list[Finding] = []
    for split, folders in (find_folders(root, masks_dir or "masks") or {}).items():
        for _, (image_dir, mask_dir, deep) in folders:
            pairing = pair(by_name(image_dir, deep), by_name(mask_dir, deep))
            if pairing.pairs or split in SPELLINGS:
                splits[split] = (*splits.get(split, ()), *_samples(pairing, meanings))
            findings += judge_names(pairing, mask_dir) if split in SPELLINGS else []
    if not any(splits.values()) and not findings:
        return _unreadable(root, reason)
    if named and not findings:
        findings.append(_refusal(reason))
    return Subject(Dataset(root, "pairs", meanings.classes, splits), named, tuple(findings))


def _samples(pairing: Pairing, meanings: LabelMeanings) -> Iterator[Sample]:
    lookup = identity_lookup(meanings.classes) if meanings.lookup is None else meanings.lookup
    for name, (image, mask) in pairing.pairs.items():
        yield Sample(name, image, mask, lookup, read_picture, meanings.open_mask)


def _unreadable(data: Path, reason: str) -> Subject:
    return Subject(Dataset(data, "none", UNNAMED, {}), named=False, findings=(_refusal(reason),))


def _refusal(reason: str) -> Finding:
    """Splits the message of an error in two: what is wrong, and what to do."""
    text, _, remedy = reason.partition("; ")
    return Finding("not-recognised", ERROR, text, remedy=remedy)


def _described(data: Path) -> tuple[Path, LabelMeanings, str]:
    """Returns (root, meaning of the values, masks_dir) of a folder or a data YAML."""
    unnamed, data = LabelMeanings(UNNAMED, None, read_mask), description_in(data)
    if data.is_dir():
        return data, unnamed, ""
    file = read_data_file(data)
    with prefix_errors(data):
        return folder_of(data, file), file.label_meanings() or unnamed, file.masks_dir
