"""Chooses pictures to look at: some with each finding, then others at equal distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv import images
from fullconv.classes import Classes
from fullconv.data.dataset import Sample
from fullconv.data.doctor.examination import Report
from fullconv.errors import FullconvError
from fullconv.overlay import palette
from fullconv.segmentation import Segmentation
from fullconv.view import Pixels

OF_EACH = 3  # pictures per finding


@dataclass(frozen=True)
class Example:
    """A photo and its labels, both HxWx3 uint8. Labels are drawn over the photo if the sizes agree. `remark` is a
    finding."""

    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    name: str
    remark: str
    has_void: bool


def examples(report: Report, count: int) -> Iterator[Example]:
    """Yields at most `count` examples, read on demand. Pictures that cannot be read are left out."""
    for sample, remark in choose(report, count):
        try:
            photo = viewable(sample.read_image())
        except FullconvError:
            continue
        labels, has_void = _labels(sample, photo, report.dataset.classes)
        yield Example((photo, labels), sample.name, remark, has_void)


def choose(report: Report, count: int) -> list[tuple[Sample, str]]:
    """Returns samples, each with the kind of its finding. Up to half of them have findings."""
    samples = {sample.image_path: sample for split in report.dataset.splits.values() for sample in split}
    by_path = {sample.label_path: sample for sample in samples.values()} | samples
    chosen: dict[Path, tuple[Sample, str]] = {}
    for finding in report.findings:
        found = [by_path[case.path] for case in finding.cases[:OF_EACH] if case.path in by_path]
        for sample in found[: max(0, count // 2 - len(chosen))]:
            chosen.setdefault(sample.image_path, (sample, finding.kind))
    for sample in spaced(list(samples.values()), count - len(chosen)):
        chosen.setdefault(sample.image_path, (sample, ""))
    return list(chosen.values())


def spaced(samples: list[Sample], count: int) -> list[Sample]:
    count = min(count, len(samples))
    return [samples[i * len(samples) // count] for i in range(count)]


def viewable(image: Pixels) -> NDArray[np.uint8]:
    """Returns three channels of 8 bits from any data. Values of other depths are scaled."""
    colour = image[..., :3] if image.shape[2] >= 3 else image[..., [0, 0, 0]]
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    values = np.nan_to_num(colour.astype(np.float32))
    return ((values - values.min()) * (255 / (float(np.ptp(values)) or 1))).astype(np.uint8)


def _labels(sample: Sample, photo: NDArray[np.uint8], classes: Classes) -> tuple[NDArray[np.uint8], bool]:
    """Returns (the labels as a picture, whether there is void in them)."""
    try:
        result = Segmentation(photo, sample.read_label_map(), classes)
    except FullconvError:
        return _as_stored(sample, photo), False
    has_void = bool((result.label_map == classes.void).any())
    if result.label_map.shape == photo.shape[:2]:
        return result.overlay(), has_void
    return palette(classes)[result.label_map], has_void


def _as_stored(sample: Sample, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the mask file as a picture if it holds no labels of this data, or grey if it is not a picture."""
    try:
        return images.read(sample.label_path)
    except FullconvError:
        return np.full_like(photo, 128)
