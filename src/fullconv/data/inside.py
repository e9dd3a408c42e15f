"""Checks that paths in lists and annotations stay inside the data's folder, unless the user allows other folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fullconv.data.dataset import Dataset, Sample
from fullconv.errors import FullconvError, argument


class Outside(FullconvError):
    """The data refers to a file elsewhere."""


def refuse_outside(dataset: Dataset, allowed: Sequence[Path]) -> None:
    """Raises Outside if a file of a sample is neither in the data's folder nor in an allowed one.

    Decides by name: a link inside the folder was put there by its owner and may lead anywhere.
    """
    folders = [_plain(folder) + os.sep for folder in (dataset.root, *dataset.beside, *allowed)]
    for path in dict.fromkeys(path for samples in dataset.splits.values() for each in samples for path in _paths(each)):
        place = _plain(path)
        if not any(place.startswith(folder) for folder in folders):
            raise Outside(
                f"{dataset.root}: a list or an annotation refers to {place}, outside this folder; "
                f"if that is meant, add {argument('outside', os.path.dirname(place))}"
            )


def _paths(sample: Sample) -> Iterator[Path]:
    yield from sample.files
    yield from (target.label_path for target in sample.further.values())


def _plain(path: Path) -> str:
    """Returns an absolute path without dots. Links are not followed."""
    return os.path.abspath(path).rstrip(os.sep)
