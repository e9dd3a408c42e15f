"""Collects what training must know about its pictures before it starts. Each is read once, on all processors."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, Classes, LabelMap
from fullconv.data.alignment import Alignment, Shift, align, chosen, edges_of, labels_of, shift_of
from fullconv.data.dataset import Sample
from fullconv.data.thinness import PICTURES, lost_classes
from fullconv.data.undeclared import undeclared_nodata
from fullconv.errors import FullconvError
from fullconv.processors import PROCESSORS
from fullconv.view import Picture, Range, scaled, usual_range
from fullconv.words import counted

VALUES = 2**22  # kept per channel, from all pictures together, to compute ranges and means
FEWEST = 256  # per picture


@dataclass(frozen=True)
class Findings:
    """One picture: its bands, whether it has more than 8 bits, some of its values (n, bands) if requested, the classes
    in it if it would be reduced, and those that would then be lost; or the reason why it cannot be read."""

    sample: Sample
    error: str = ""
    bands: int = 3
    is_deep: bool = False
    keeps_scale: bool = False
    ready: bool = False
    values: NDArray[Any] | None = None
    present: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    size: tuple[int, int] = (0, 0)
    pixels: NDArray[np.int64] | None = None  # (classes,): of each
    alignment: Alignment | None = None  # if it was chosen to be compared with its mask
    undeclared: float | None = None


@dataclass(frozen=True)
class Survey:
    """The readable pictures of a split, what is known about them together, and why the others cannot be read.

    `channels`: those of the images that a model would take. `on_the_ground`: some have a fixed scale. `thin`: classes
    that would be lost if pictures were reduced. `shift`: by how much all masks seem to be shifted.
    `undeclared`: the value that seems to be nodata, of each picture with one.
    """

    samples: tuple[Sample, ...]
    skipped: dict[Path, str]
    channels: int = 3
    is_deep: bool = False
    ready: bool = False
    on_the_ground: bool = False
    thin: tuple[str, ...] = ()
    values: NDArray[Any] | None = field(default=None, repr=False)  # (n, channels)
    size: tuple[int, int] = (0, 0)  # the median height and width
    pixels: tuple[int, ...] = ()  # of each class
    shift: Shift | None = None
    undeclared: tuple[float, ...] = ()

    def ranges(self) -> tuple[Range, ...]:
        """The range of each channel, from its 0.1th to its 99.9th percentile. Empty for 8-bit values."""
        if not self.is_deep or self.values is None:
            return ()
        return tuple(usual_range(self.values[:, channel]) for channel in range(self.channels))

    def statistics(self, ranges: tuple[Range, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, deviation) of each channel, in units of 0–255."""
        if self.values is None:
            return (127.5,) * self.channels, (127.5,) * self.channels
        image = scaled(self.values[None], ranges)[0] if ranges else self.values
        mean, deviation = image.mean(0, dtype=np.float64), image.std(0, dtype=np.float64)
        return tuple(map(float, mean)), tuple(float(max(value, 1.0)) for value in deviation)


def survey(samples: Sequence[Sample], classes: Classes, measures: bool = True) -> Survey:
    """Reads every picture and mask. Raises FullconvError if they do not go together, and names one of each kind."""
    quota, compared = max(FEWEST, VALUES // max(1, len(samples))), chosen(samples)
    each = partial(examine, classes=classes, quota=quota, measures=measures, compared=compared)
    found = list(in_threads(each, samples))
    skipped = {one.sample.image_path: one.error for one in found if one.error}
    good = [one for one in found if not one.error]
    pixels = tuple(np.sum([one.pixels for one in good if one.pixels is not None], axis=0).tolist()) if good else ()
    if not good or not measures:
        return Survey(tuple(one.sample for one in good), skipped, pixels=pixels)
    refuse_mixture(good)
    bands = max(one.bands for one in good)
    channels = 3 if bands == 1 else bands
    values = [np.broadcast_to(one.values, (len(one.values), channels)) for one in good if one.values is not None]
    return Survey(
        tuple(one.sample for one in good), skipped, channels, good[0].is_deep, good[0].ready,
        any(one.keeps_scale for one in good), thin(good, classes), np.concatenate(values) if values else None,
        (int(median(one.size[0] for one in good)), int(median(one.size[1] for one in good))),
        pixels, shift_of([one.alignment for one in good if one.alignment]),
        tuple(one.undeclared for one in good if one.undeclared is not None),
    )  # fmt: skip


def examine(sample: Sample, classes: Classes, quota: int, measures: bool, compared: Set[Path]) -> Findings:
    try:
        picture, label_map = sample.read_labelled()
    except FullconvError as error:
        return Findings(sample, str(error))
    pixels = np.bincount(label_map.ravel(), minlength=VOID + 1)[: len(classes)]
    if not measures:
        return Findings(sample, pixels=pixels)
    present, lost = lost_classes(label_map, classes)
    alignment = _aligned(picture, label_map) if sample.image_path in compared else None
    return Findings(
        sample, "", picture.values.shape[2], picture.is_deep, picture.keeps_scale, picture.ready,
        some_values(picture, quota), frozenset(present), frozenset(lost), picture.size,
        pixels, alignment, undeclared_nodata(picture),
    )  # fmt: skip


def _aligned(picture: Picture, label_map: LabelMap) -> Alignment | None:
    return align(edges_of(picture.values), labels_of(label_map), picture.size[1])


def some_values(picture: Picture, quota: int) -> NDArray[Any] | None:
    """(n, bands) at equal distances. None for pictures such as networks for photos were trained on."""
    bands = picture.values.shape[2]
    if picture.ready or (not picture.is_deep and bands in (1, 3)):
        return None
    flat = picture.values.reshape(-1, bands)
    flat = flat if picture.known is None else flat[picture.known.all(2).ravel()]
    return flat[:: max(1, -(-len(flat) // quota))].copy()


def thin(found: Sequence[Findings], classes: Classes) -> tuple[str, ...]:
    """The classes that reduction would remove from more than a fifth of the pictures that show them."""
    present = Counter(index for one in found for index in one.present)
    lost = Counter(index for one in found for index in one.lost)
    return tuple(classes.names[i] for i in sorted(present) if lost[i] > PICTURES * present[i])


def refuse_mixture(found: Sequence[Findings]) -> None:
    """Raises FullconvError if 8-bit and deeper pictures, or pictures with different bands, are mixed."""
    deep = next((one for one in found if one.is_deep), None)
    shallow = next((one for one in found if not one.is_deep), None)
    if deep and shallow:
        raise FullconvError(
            f"{shallow.sample.image_path} has 8 bits and {deep.sample.image_path} more; a model has a single range "
            "of values: convert all to one type, or train on each type separately"
        )
    usual = Counter(one.bands for one in found).most_common(1)[0][0]
    first = next(one for one in found if one.bands == usual)
    odd = next((one for one in found if one.bands != usual and {one.bands, usual} != {1, 3}), None)
    if odd:
        raise FullconvError(
            f"{odd.sample.image_path} has {counted(odd.bands, 'band')} and {first.sample.image_path} {usual}; "
            "give all the same bands, or train on each kind separately"
        )


def in_threads(work: Callable[[Sample], Findings], samples: Iterable[Sample]) -> Iterator[Findings]:
    """Yields in order. Most of the time is decoding, which does not block other threads."""
    threads, remaining = PROCESSORS, iter(samples)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque(pool.submit(work, sample) for sample in islice(remaining, 2 * threads))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(work, sample) for sample in islice(remaining, 1))
