"""Finds data from which a network can learn nothing, because their labels show a single class, and why that is so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.description import describe, description_in
from fullconv.data.doctor.files import judge_boxes
from fullconv.data.doctor.finding import ERROR, Finding, by_severity
from fullconv.data.doctor.opening import file_of
from fullconv.data.doctor.scan import scan_masks
from fullconv.data.doctor.statistics import only_class
from fullconv.data.doctor.values import judge_values
from fullconv.data.split_names import examined
from fullconv.errors import FullconvError
from fullconv.logger import muted


def refuse_nothing_to_learn(
    data: Path, pixels: Sequence[int], classes: Classes, split: str, outside: Sequence[str | Path], is_all: bool
) -> None:
    """Raises FullconvError if `pixels`, the labelled pixels of each class in the split, are of one class at most.

    Without `is_all`, other pictures or a teacher may show the other classes. Only masks with an error are then refused.
    """
    if only := only_class(pixels, classes, split):
        refuse_wrong_masks(data, outside)
        if is_all:
            raise FullconvError(f"{data}: {only}; label at least two classes, or correct the names in the data YAML")


def refuse_wrong_masks(data: Path, outside: Sequence[str | Path] = ()) -> None:
    """Reads all masks, and raises FullconvError if `check` finds an error in their values, with its remedy."""
    wrong = next((found for found in by_severity(_judged(data, outside)) if found.severity == ERROR), None)
    if wrong:
        own = description_in(data)
        raise FullconvError(f"{data}: {wrong.in_one_line('a data YAML' if own.is_dir() else str(own))}")


def _judged(data: Path, outside: Sequence[str | Path]) -> list[Finding]:
    with muted():  # the data were opened before
        described = describe(data, outside)
    dataset, own = described.mapped(), described.dataset.classes
    samples = {sample.files: sample for split in examined(dataset.splits).values() for sample in split}
    facts = list(scan_masks(list(samples.values())))
    return [*judge_values(facts, own, True, file_of(data)), *judge_boxes(facts, dataset.classes)]
