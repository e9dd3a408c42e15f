"""Finds pictures that show the same, or that cover the same ground. Learning one would reveal the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID
from fullconv.data.dataset import Sample
from fullconv.data.doctor.facts import thumbnail_of
from fullconv.data.doctor.splits import CONTRAST, LIKENESS, close_pairs, correlation, difference_hashes, unpack
from fullconv.errors import FullconvError
from fullconv.processors import PROCESSORS
from fullconv.view import Picture

SHARED = 0.01  # of the smaller one's ground; tiles that only touch share less, by rounding

Box = tuple[float, float, float, float]  # smallest x, smallest y, largest x, largest y


@dataclass(frozen=True)
class Look:
    """What is kept of a picture: grey values, its extent on the ground, the classes in its mask. Empty if it is
    damaged."""

    thumbnail: bytes = b""
    crs: str = ""
    box: Box | None = None
    classes: frozenset[int] = frozenset()


def look_at(samples: Sequence[Sample]) -> list[Look]:
    """Reads every picture and mask once, on all processors."""
    with ThreadPoolExecutor(PROCESSORS) as threads:
        return list(threads.map(_look, samples))


def groups_of(looks: Sequence[Look]) -> list[list[int]]:
    """Returns the numbers of the pictures in groups: pictures that are alike or overlap, directly or through others."""
    return connected_groups(len(looks), [*_alike(looks), *_overlapping(looks)])


def connected_groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Returns 0 … count - 1 in groups: numbers that chains of pairs connect are in one group."""
    leader = list(range(count))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = i = leader[leader[i]]
        return i

    for a, b in pairs:
        leader[find(b)] = find(a)
    groups: dict[int, list[int]] = {}
    for i in range(count):
        groups.setdefault(find(i), []).append(i)
    return list(groups.values())


def _look(sample: Sample) -> Look:
    try:
        picture, label_map = sample.read_picture(), sample.read_label_map()
    except FullconvError:
        return Look()
    present = np.flatnonzero(np.bincount(label_map.ravel(), minlength=VOID + 1)[:VOID])
    crs, box = _place_of(picture)
    return Look(thumbnail_of(picture), crs, box, frozenset(present.tolist()))


def _place_of(picture: Picture) -> tuple[str, Box | None]:
    where = picture.georeference
    if where is None or not where.has_transform:
        return "", None
    height, width = picture.size
    corners = where.place(np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64))
    (left, low), (right, high) = corners.min(0).tolist(), corners.max(0).tolist()
    return where.crs, (left, low, right, high)


def _alike(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    seen = [i for i, look in enumerate(looks) if look.thumbnail]
    if not seen:
        return
    thumbnails = unpack([looks[i].thumbnail for i in seen])
    clear = np.flatnonzero(thumbnails.std((1, 2)) >= CONTRAST)
    for first, second in close_pairs(difference_hashes(thumbnails[clear])):
        if not len(first):
            continue
        a, b = clear[first], clear[second]
        same = correlation(thumbnails[a], thumbnails[b]) >= LIKENESS
        yield from ((seen[i], seen[j]) for i, j in zip(a[same].tolist(), b[same].tolist(), strict=True))


def _overlapping(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    placed = [i for i, look in enumerate(looks) if look.box]
    boxes = np.array([looks[i].box for i in placed], np.float64).reshape(-1, 4)
    for n, i in enumerate(placed):
        shares = _shared(boxes[n], boxes[n + 1 :])
        yield from ((i, j) for j, share in zip(placed[n + 1 :], shares, strict=True)
                    if share > SHARED and looks[i].crs == looks[j].crs)  # fmt: skip


def _shared(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(boxes,): the part that a box shares with each of the others, relative to the smaller one."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    smaller: NDArray[np.float64] = np.minimum((box[2:] - box[:2]).prod(), areas)
    return sides.clip(min=0).prod(1) / smaller
