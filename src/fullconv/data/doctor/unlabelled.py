"""Finds unlabelled pictures that training refuses: copies of pictures that a model is scored on, and damaged files."""

from __future__ import annotations

from collections.abc import Sequence

from fullconv.data.dataset import Dataset
from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding
from fullconv.data.doctor.scan import Facts
from fullconv.data.overlap import copies_in, thumbnails_of
from fullconv.data.split_names import TRAIN
from fullconv.words import counted

REMEDY = "move these files out of the folders that are listed in `unlabelled`"


def judge_unlabelled(dataset: Dataset, facts: Sequence[Facts]) -> list[Finding]:
    if not dataset.unlabelled:
        return []
    scored = [(each.sample, each.image.thumbnail) for each in facts if each.image and {*each.splits} - {TRAIN}]
    found = thumbnails_of(dataset.unlabelled)
    damaged = tuple(Case(picture.image_path, reason) for picture, reason in found if isinstance(reason, str))
    readable = [(picture, thumbnail) for picture, thumbnail in found if isinstance(thumbnail, bytes)]
    copies = tuple(Case(new, f"like {old.name}") for new, old in copies_in([*scored, *readable]).items())
    text = f"{counted(len(copies), 'unlabelled picture')} that show the same as one that a model is scored on; "
    text += "train --teacher refuses them, because scores would be too high"
    lost = f"{counted(len(damaged), 'unlabelled picture')} that cannot be read"
    return [
        *([Finding("unlabelled-copies", ERROR, text, copies, REMEDY)] if copies else []),
        *([Finding("unreadable-unlabelled", WARNING, lost, damaged, REMEDY)] if damaged else []),
    ]
