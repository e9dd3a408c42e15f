"""Pictures labelled elsewhere, such as in an annotation tool, and also used for training: `added:` in a data YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fullconv.data.dataset import Dataset
from fullconv.data.split_names import TRAIN, examined
from fullconv.errors import FullconvError, prefix_errors

BACKGROUND = "background"


def add_pictures(dataset: Dataset, more: Dataset, mapping: Mapping[str, str]) -> Dataset:
    """Adds the training pictures of `more` to those of `dataset`. Their classes are mapped by name, then by `mapping`.
    Pixels outside all outlines are void if no class is called background.

    The folder may lie beside those of the splits. Raises FullconvError for a class that is in neither, and for a
    picture that is already used.
    """
    outside = {} if BACKGROUND in dataset.classes.names else {BACKGROUND: "void"}
    own = {name: name for name in dataset.classes.names}  # a name that both have stays as it is
    with prefix_errors(more.root):
        added = more.mapped_to(dataset.classes, {**outside, **mapping, **own}).split(TRAIN)
    there = {sample.image_path.resolve() for some in examined(dataset.splits).values() for sample in some}
    places = {sample.image_path.resolve(): sample.image_path for sample in added}
    if twice := next((path for place, path in places.items() if place in there), None):
        raise FullconvError(f"{more.root}: added, but {twice} is already among the pictures; remove one of the two")
    rest = {
        split: tuple(sample for sample in some if sample.image_path.resolve() not in places)
        for split, some in dataset.splits.items()
    }
    splits = {**rest, TRAIN: (*rest.get(TRAIN, ()), *added)}
    return replace(dataset, splits=splits, beside=(*dataset.beside, more.root, *more.beside))
