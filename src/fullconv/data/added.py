"""Pictures labelled elsewhere, such as in an annotation tool, and also used for training: `added:` in a data YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError, prefix_errors

TRAIN, BACKGROUND = "train", "background"


def add_pictures(dataset: Dataset, more: Dataset, mapping: Mapping[str, str]) -> Dataset:
    """Adds the training pictures of `more` to those of `dataset`. Their classes are mapped by name, then by `mapping`.
    Pixels outside all outlines are void if no class is called background.

    Raises FullconvError for a class that is in neither, and for a picture that is already in the data.
    """
    outside = {} if BACKGROUND in dataset.classes.names else {BACKGROUND: "void"}
    own = {name: name for name in dataset.classes.names}  # a name that both have stays as it is
    with prefix_errors(more.root):
        added = more.mapped_to(dataset.classes, {**outside, **mapping, **own}).split(TRAIN)
    there = {sample.image_path.resolve() for samples in dataset.splits.values() for sample in samples}
    twice = next((sample.image_path for sample in added if sample.image_path.resolve() in there), None)
    if twice:
        raise FullconvError(f"{more.root}: added, but {twice} is already among the pictures; remove one of the two")
    splits = {**dataset.splits, TRAIN: (*dataset.splits.get(TRAIN, ()), *added)}
    return replace(dataset, splits=splits, beside=(*dataset.beside, more.root, *more.beside))
