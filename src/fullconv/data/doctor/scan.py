"""Reads every image and mask once, on all processors, and keeps a few numbers of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from fullconv.damage import reason_of
from fullconv.data.alignment import Alignment, align, chosen
from fullconv.data.dataset import Sample
from fullconv.data.doctor.facts import ImageFacts, MaskFacts, image_facts, mask_facts
from fullconv.errors import FullconvError
from fullconv.images import is_image_name
from fullconv.processors import PROCESSORS

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Facts:
    """One labelled picture, its splits, and what was found in its files (None if unreadable, with the reason).

    `compared`: whether the edges of the picture are compared with the borders of the mask.
    """

    sample: Sample
    splits: tuple[str, ...]
    image: ImageFacts | None = None
    mask: MaskFacts | None = None
    image_error: str = ""
    mask_error: str = ""
    compared: bool = False
    alignment: Alignment | None = None

    @property
    def mask_path(self) -> Path:
        """The file to report for a mask: that of the image, if one file of polygons holds the masks of many."""
        own = is_image_name(self.sample.label_path) or self.sample.label_path.stem == self.sample.image_path.stem
        return self.sample.label_path if own else self.sample.image_path


def unread(splits: Mapping[str, Sequence[Sample]]) -> list[Facts]:
    """Returns every labelled picture once, however many splits list it."""
    samples: dict[tuple[Path, Path], Sample] = {}
    names: dict[tuple[Path, Path], list[str]] = {}
    for split, members in splits.items():
        for sample in members:
            key = (sample.image_path, sample.label_path)
            samples.setdefault(key, sample)
            names.setdefault(key, []).append(split)
    compared = chosen(list(samples.values()))
    return [
        Facts(sample, tuple(dict.fromkeys(names[key])), compared=sample.image_path in compared)
        for key, sample in samples.items()
    ]


def scan(pictures: Sequence[Facts], threads: int | None = None) -> Iterator[Facts]:
    """Reads the pictures and yields them in order. Uses threads, because most of the time is decoding in Pillow, which
    does not block them.

    Few pictures are in progress at any moment, so memory grows only with what is kept of each.
    """
    threads = threads or PROCESSORS
    remaining = iter(pictures)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque(pool.submit(read_facts, picture) for picture in islice(remaining, 8 * threads))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(read_facts, picture) for picture in islice(remaining, 1))


def read_facts(picture: Facts) -> Facts:
    image, image_error = _attempt(partial(image_facts, compared=picture.compared), picture.sample)
    valid = image.valid if image else None
    mask, mask_error = _attempt(partial(mask_facts, compared=picture.compared, valid=valid), picture.sample)
    image = replace(image, valid=None) if image else None
    facts = replace(picture, image=image, mask=mask, image_error=image_error, mask_error=mask_error)
    return _aligned(facts) if picture.compared else facts


def _aligned(facts: Facts) -> Facts:
    """Compares edges and labels, and forgets them."""
    image, mask = facts.image, facts.mask
    if not image or not mask:
        return facts
    found = align(image.edges, mask.labels, image.size[0]) if image.size == mask.size else None
    return replace(facts, image=replace(image, edges=None), mask=replace(mask, labels=None), alignment=found)


def scan_masks(samples: Sequence[Sample]) -> Iterator[Facts]:
    """Yields the content of the masks alone; those that cannot be read are left out."""
    with ThreadPoolExecutor(PROCESSORS) as pool:
        found = pool.map(lambda sample: _attempt(mask_facts, sample)[0], samples)
        yield from (Facts(sample, (), mask=mask) for sample, mask in zip(samples, found, strict=True) if mask)


def _attempt(read: Callable[[Sample], Found], sample: Sample) -> tuple[Found | None, str]:
    """Returns the result of `read`, or the reason for its failure, so that the others are still read."""
    try:
        return read(sample), ""
    except FullconvError as error:
        return None, str(error)
    except Exception as error:
        return None, f"damaged ({reason_of(error)})"
