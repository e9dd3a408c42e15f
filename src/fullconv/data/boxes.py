"""Objects that are labelled by a box and have no outline."""

from __future__ import annotations

from collections.abc import Iterable

from fullconv.data.coco_masks import Outlines
from fullconv.data.dataset import Sample
from fullconv.data.yolo_outlines import Lines


def boxed(sample: Sample) -> tuple[tuple[int, ...], bool]:
    """(the values of its objects without an outline, whether their boxes are used as regions)"""
    painter = sample.open_mask
    return (
        (painter.without_outline, painter.boxes == "region") if isinstance(painter, Outlines | Lines) else ((), False)
    )


def count_void_boxes(samples: Iterable[Sample]) -> int:
    """Returns the number of objects in these pictures whose boxes are void."""
    return sum(len(values) for values, are_regions in map(boxed, samples) if not are_regions)
