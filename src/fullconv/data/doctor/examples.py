"""Pictures worth a look: some of every finding, then others at equal distances."""

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
from fullconv.segmentation import Segmentation
from fullconv.view import Pixels

OF_EACH = 3  # pictures of one finding


@dataclass(frozen=True)
class Example:
    """A photo and its labels, both HxWx3 uint8, laid over the photo where the sizes agree; `remark` is a finding."""

    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    name: str
    remark: str = ""


def examples(report: Report, count: int) -> Iterator[Example]:
    """At most `count`, read as they are asked for. What cannot be read is left out."""
    for sample, remark in choose(report, count):
        try:
            photo = viewable(sample.read_image())
        except FullconvError:
            continue
        labels = _labels(sample, photo, report.dataset.classes)
        yield Example((photo, labels), sample.name, remark)


def choose(report: Report, count: int) -> list[tuple[Sample, str]]:
    """Samples, each with the kind of the finding that it is in; of half the places, if so many are in any."""
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
    """Three channels of 8 bits, of whatever the data have; what is not 8 bits is stretched to them."""
    colour = image[..., :3] if image.shape[2] >= 3 else image[..., [0, 0, 0]]
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    values = np.nan_to_num(colour.astype(np.float32))
    return ((values - values.min()) * (255 / (float(np.ptp(values)) or 1))).astype(np.uint8)


def _labels(sample: Sample, photo: NDArray[np.uint8], classes: Classes) -> NDArray[np.uint8]:
    try:
        result = Segmentation(photo, sample.read_label_map(), classes)
    except FullconvError:
        return _as_stored(sample, photo)
    if result.label_map.shape == photo.shape[:2]:
        return result.overlay()
    return np.array(result.label_picture().convert("RGB"))


def _as_stored(sample: Sample, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask file as a picture where it holds no labels of this data; grey where it is none."""
    try:
        return images.read(sample.label_path)
    except FullconvError:
        return np.full_like(photo, 128)
