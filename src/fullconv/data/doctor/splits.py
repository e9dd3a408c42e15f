"""Finds pictures of one split that occur in another, exactly or nearly, and data without a validation split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.data.data_file import DataFile
from fullconv.data.dataset import Dataset
from fullconv.data.doctor.facts import THUMBNAIL
from fullconv.data.doctor.finding import ERROR, NOTE, WARNING, Case, Finding
from fullconv.data.doctor.scan import Facts
from fullconv.data.split_names import examined, share_of, to_use, unused
from fullconv.words import counted
from fullconv.yaml_files import flow

BANDS = 8  # of 8 bits each
DISTANCE = BANDS - 1  # bits; two hashes that differ in at most this many are equal in at least one band
NEIGHBOURS = 1000  # compared per hash and band at most; films of a fixed camera can have thousands of equal ones
CONTRAST = 4.0  # grey levels; a thumbnail with a smaller standard deviation is too flat to be recognised
LIKENESS = 0.98  # correlation of two thumbnails
Indices = NDArray[np.intp]  # (pairs,)
Hashes = NDArray[np.uint64]  # (pictures,)
Thumbnails = NDArray[np.uint8]  # (pictures, 16, 18) grey


def unpack(thumbnails: list[bytes]) -> Thumbnails:
    width, height = THUMBNAIL
    return np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, height, width)


def twins(thumbnails: Thumbnails, ranks: Indices) -> Indices:
    """(pictures,): for each picture, a similar one of lower rank, or -1."""
    found = np.full(len(thumbnails), -1)
    clear = np.flatnonzero(thumbnails.std((1, 2)) >= CONTRAST)
    for first, second in close_pairs(difference_hashes(thumbnails[clear])):
        a, b = clear[first], clear[second]
        low, high = np.where(ranks[a] < ranks[b], a, b), np.where(ranks[a] < ranks[b], b, a)
        wanted = (ranks[low] < ranks[high]) & (found[high] < 0)
        low, high = low[wanted], high[wanted]
        same = correlation(thumbnails[low], thumbnails[high]) >= LIKENESS
        found[high[same]] = low[same]
    return found


def difference_hashes(thumbnails: Thumbnails) -> Hashes:
    """Returns a bit for each of 8x8 places: whether it is brighter on the right (dHash; Krawetz 2013, "Kind of Like
    That")."""
    cells = thumbnails.reshape(-1, 8, 2, 9, 2).sum((2, 4), dtype=np.uint16)
    return np.packbits(cells[:, :, 1:] > cells[:, :, :-1], axis=2).reshape(-1, 8).view(np.uint64).ravel()


def close_pairs(hashes: Hashes) -> Iterator[tuple[Indices, Indices]]:
    """Yields pairs that differ in at most DISTANCE bits, some more than once, in batches no longer than the number of
    hashes.

    Only hashes that are equal in a band are compared. If thousands are equal, each is compared with the next
    NEIGHBOURS.
    """
    for band in hashes.view(np.uint8).reshape(-1, BANDS).T:
        order = np.lexsort((hashes, band))
        keys, starts = band[order], np.arange(len(band))
        for step in range(1, NEIGHBOURS):
            starts = starts[starts + step < len(keys)]
            starts = starts[keys[starts] == keys[starts + step]]
            a, b = order[starts], order[starts + step]
            near = np.bitwise_count(hashes[a] ^ hashes[b]) <= DISTANCE
            yield a[near], b[near]


def correlation(first: Thumbnails, second: Thumbnails) -> NDArray[np.float32]:
    """(pairs,): -1 … 1."""
    return (_standard(first) * _standard(second)).mean(1)


def _standard(thumbnails: Thumbnails) -> NDArray[np.float32]:
    flat = thumbnails.reshape(len(thumbnails), THUMBNAIL[0] * THUMBNAIL[1]).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / flat.std(1, keepdims=True)


def judge_unused(dataset: Dataset, file: DataFile) -> list[Finding]:
    """Reports splits that nothing uses, and folders and files that are in no split."""
    splits = dict(unused(dataset.splits))
    cases = tuple(Case(sample.image_path) for samples in splits.values() for sample in samples)
    named = ", ".join(f"{split} {len(samples)}" for split, samples in splits.items())
    unread = "" if examined(dataset.splits) is dataset.splits else "; they are not examined"
    text = f"{counted(len(cases), 'picture')} in folders that are neither train, val nor test: {named}{unread}"
    line = to_use(dataset.splits, splits) if file.train is None else f"train: {flow([*_wishes(file.train), *splits])}"
    remedy = f"{line}  # or rename the folders, if they are to be used"
    found = [Finding("unused-split", WARNING, text, cases, remedy)] if cases else []
    lines = [line.partition(": ") for line in dataset.left_out]
    left_out = tuple(Case(Path(path), reason) for path, _, reason in lines)
    text = f"{counted(len(lines), 'folder or file', 'folders and files')} left out, because the data do not use them"
    return [*found, *([Finding("left-out", NOTE, text, left_out)] if left_out else [])]


def judge_splits(facts: Sequence[Facts], file: DataFile, assumed: bool) -> list[Finding]:
    """`assumed`: whether fullconv divides the pictures, because there is no data YAML; then a note says how."""
    splits = list(dict.fromkeys(split for each in facts for split in each.splits))
    members = {split: {i for i, each in enumerate(facts) if split in each.splits} for split in splits}
    apart = without_unions(members)
    return [*_shared(facts, apart), *_near(facts, apart, file), *([] if assumed else _single(members, file))]


def without_unions(members: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """Returns the splits without those that are unions of others, such as VOC's trainval."""

    def joins(whole: set[int]) -> bool:
        return bool(whole) and set().union(*(part for part in members.values() if part < whole)) == whole

    return {split: whole for split, whole in members.items() if not joins(whole)}


def _shared(facts: Sequence[Facts], members: Mapping[str, set[int]]) -> list[Finding]:
    cases = []
    for i, each in enumerate(facts):
        splits = [split for split in each.splits if i in members.get(split, ())]
        if len(splits) > 1:
            cases.append(Case(each.sample.image_path, f"in {' and '.join(splits)}"))
    text = f"{counted(len(cases), 'picture')} in more than one split; scores would include pictures seen in training"
    remedy = "remove these names from one of the two lists, or the files from one of the two folders"
    return [Finding("shared-files", ERROR, text, tuple(cases), remedy)] if cases else []


def _near(facts: Sequence[Facts], members: Mapping[str, set[int]], file: DataFile) -> list[Finding]:
    pairs = _pairs(facts, members)
    split = {i: name for name, whole in members.items() for i in whole}
    cases = tuple(
        Case(facts[i].sample.image_path, f"of {split[i]}, similar to {facts[j].sample.name} of {split[j]}")
        for i, j in pairs
    )
    text = f"{counted(len(cases), 'picture')} nearly identical to one in another split; scores would be too high"
    remedy = (
        _divided_anew(file) if {"train", "val"} == members.keys() else "keep pictures of the same scene in one split"
    )
    return [Finding("near-duplicates", WARNING, text, cases, remedy)] if cases else []


def _divided_anew(file: DataFile) -> str:
    """Returns lines that hold back other pictures for val, from those that are now in train or val."""
    share = "val: 0.2  # of all pictures; those that look alike stay together"
    if file.train is None:
        return share if file.val is not None else f"train: [train, val]\n{share}"
    return f"train: {flow([*_wishes(file.train), *_wishes(file.val or [])])}\n{share}"


def _wishes(asked: Any) -> list[Any]:
    return list(asked) if isinstance(asked, list) else [asked]


def _single(members: Mapping[str, set[int]], file: DataFile) -> list[Finding]:
    if len(members) != 1 or (file.val is not None and share_of(file.val) is None):  # no picture of val was found
        return []
    text = f"all pictures are in {next(iter(members))}: none is held back for choosing the best epoch and for scoring"
    if file.val is not None:
        return [Finding("one-split", NOTE, f"{text}, because all look alike, or a class is in a single picture")]
    if len(next(iter(members.values()))) == 1:
        return [Finding("one-split", NOTE, "there is a single picture: none is held back for scoring")]
    remedy = "val: 0.2  # of the pictures; those that look alike stay together. Or give a list of names, val.txt"
    return [Finding("one-split", NOTE, text, remedy=remedy)]


def _pairs(facts: Sequence[Facts], members: Mapping[str, set[int]]) -> list[tuple[int, int]]:
    """Returns (picture of a later split, similar picture of an earlier one)."""
    ranks = np.full(len(facts), -1)
    for rank, whole in enumerate(members.values()):
        ranks[list(whole)] = rank
    seen = np.array([i for i, each in enumerate(facts) if each.image and ranks[i] >= 0], np.intp)
    if len(members) < 2 or not len(seen):
        return []
    found = twins(unpack([image.thumbnail for i in seen if (image := facts[i].image)]), ranks[seen])
    return [(int(seen[i]), int(seen[found[i]])) for i in np.flatnonzero(found >= 0)]
