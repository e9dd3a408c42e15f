"""What is learned in one split and asked in the other: the same picture, or nearly; and nothing held back at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fullconv.data.doctor.finding import ERROR, NOTE, WARNING, Case, Finding, counted
from fullconv.data.doctor.scan import Facts
from fullconv.data.doctor.thumbnails import twins, unpack


def judge_splits(facts: Sequence[Facts]) -> list[Finding]:
    splits = list(dict.fromkeys(split for each in facts for split in each.splits))
    members = {split: {i for i, each in enumerate(facts) if split in each.splits} for split in splits}
    apart = without_unions(members)
    return [*_shared(facts, apart), *_near(facts, apart), *_single(members)]


def without_unions(members: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """The splits without those that only join others, as VOC's trainval does."""

    def joins(whole: set[int]) -> bool:
        return bool(whole) and set().union(*(part for part in members.values() if part < whole)) == whole

    return {split: whole for split, whole in members.items() if not joins(whole)}


def _shared(facts: Sequence[Facts], members: Mapping[str, set[int]]) -> list[Finding]:
    cases = []
    for i, each in enumerate(facts):
        splits = [split for split in each.splits if i in members.get(split, ())]
        if len(splits) > 1:
            cases.append(Case(each.sample.image_path, f"in {' and '.join(splits)}"))
    text = f"{counted(len(cases), 'picture')} in more than one split; a score there is of pictures that were learned"
    remedy = "take these names out of one of the two lists"
    return [Finding("shared-files", ERROR, text, tuple(cases), remedy)] if cases else []


def _near(facts: Sequence[Facts], members: Mapping[str, set[int]]) -> list[Finding]:
    pairs = _pairs(facts, members)
    split = {i: name for name, whole in members.items() for i in whole}
    cases = tuple(
        Case(facts[i].sample.image_path, f"of {split[i]}, like {facts[j].sample.name} of {split[j]}") for i, j in pairs
    )
    text = f"{counted(len(cases), 'picture')} nearly the same as one of another split; the scores flatter the model"
    remedy = "look at the pairs; what shows one scene belongs into one split"
    return [Finding("near-duplicates", WARNING, text, cases, remedy)] if cases else []


def _single(members: Mapping[str, set[int]]) -> list[Finding]:
    if len(members) != 1:
        return []
    text = f"all pictures are in {next(iter(members))}: none is held back to choose the best epoch by, and to score on"
    remedy = "val: val.txt  # names, one a line: whole scenes, places or films, never every tenth picture of one"
    return [Finding("one-split", NOTE, text, remedy=remedy)]


def _pairs(facts: Sequence[Facts], members: Mapping[str, set[int]]) -> list[tuple[int, int]]:
    """(picture of a later split, picture of an earlier one that looks the same)."""
    ranks = np.full(len(facts), -1)
    for rank, whole in enumerate(members.values()):
        ranks[list(whole)] = rank
    seen = np.array([i for i, each in enumerate(facts) if each.image and ranks[i] >= 0], np.intp)
    if len(members) < 2 or not len(seen):
        return []
    found = twins(unpack([image.thumbnail for i in seen if (image := facts[i].image)]), ranks[seen])
    return [(int(seen[i]), int(seen[found[i]])) for i in np.flatnonzero(found >= 0)]
