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
from fullconv.data.layouts.pairs import IMAGES, MASKS
from fullconv.data.masks import identity_lookup, read_mask
from fullconv.data.pairing import by_name, pair
from fullconv.data.recognition import find_layout
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
SPLITS = ("train", "training", "val", "validation", "valid", "test", "testing")


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
        return _paired(data, reason)
    except FullconvError as error:
        return _unreadable(data, str(error))


def _paired(data: Path, reason: str) -> Subject:
    """Pairs pictures and masks by their names as well as possible. Without any, `reason` is the finding."""
    root, meanings, masks_dir = _described(data)
    if (found := find_layout(root)) and found.name in DESCRIBED:
        return _unreadable(root, reason)
    named = meanings.classes is not UNNAMED
    lookup = identity_lookup(meanings.classes) if meanings.lookup is None else meanings.lookup
    splits: dict[str, tuple[Sample, ...]] = {}
    findings: list[Finding] = []
    for split, image_dir, mask_dir in _folders(root, masks_dir):
        pairing = pair(by_name(image_dir), by_name(mask_dir))
        splits[split] = tuple(
            Sample(name, image, mask, lookup, read_picture, meanings.open_mask)
            for name, (image, mask) in pairing.pairs.items()
        )
        findings += judge_names(pairing, mask_dir)
    if not any(splits.values()) and not findings:
        return _unreadable(root, reason)
    if named and not findings:
        findings.append(_refusal(reason))
    return Subject(Dataset(root, "pairs", meanings.classes, splits), named, tuple(findings))


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


def _folders(root: Path, masks_dir: str) -> Iterator[tuple[str, Path, Path]]:
    """Yields (split, folder of images, folder of masks) for all usual folder names. Data without splits is `train`."""
    masks = (masks_dir, *MASKS) if masks_dir else MASKS
    pairs = [(i, m) for i in IMAGES for m in masks if (root / i).is_dir() and (root / m).is_dir()]
    split_first = [(split, root / split / i, root / split / m) for split in SPLITS for i in IMAGES for m in masks]
    split_last = [(split, root / i / split, root / m / split) for i, m in pairs[:1] for split in SPLITS]
    whole = [("train", root / i, root / m) for i, m in pairs[:1]]
    found = [each for each in (*split_first, *split_last) if each[1].is_dir() and each[2].is_dir()]
    yield from {split: (split, image_dir, mask_dir) for split, image_dir, mask_dir in found or whole}.values()
