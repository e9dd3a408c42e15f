"""The mean IoU as other libraries define it: how absent classes count, and what the mean is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fullconv.errors import FullconvError, argument, suggestion
from fullconv.evaluation.per_picture import PictureScore

# The first is the paper's definition and the default. docs/metrics.md gives the sources, and tests check each one.
DEFINITIONS = {
    "mmseg": "IoU over the whole set; a class absent from truth and prediction is left out, one only predicted is 0",
    "torchmetrics": "IoU of each class in each picture, then the mean; classes absent from a picture are left out",
    "paddleseg": "IoU over the whole set; a class absent from truth and prediction counts as 0",
}
DEFAULT = "mmseg"


def check_definition(name: str) -> str:
    if name not in DEFINITIONS:
        near = suggestion(name, DEFINITIONS)
        raise FullconvError(
            f"{argument('definition', name)}: no such definition; choose from {', '.join(DEFINITIONS)}{near}"
        )
    return name


def with_definition(report: dict[str, Any], definition: str, pictures: Sequence[PictureScore]) -> dict[str, Any]:
    """Returns a report of metrics.py with IoUs by `definition`. All other numbers are the same in every definition."""
    per_class = report["per_class"]
    if definition == "paddleseg":
        values = [row["iou"] or 0.0 for row in per_class.values()]
        mean: float | None = sum(values) / len(values)
    elif definition == "torchmetrics":
        ious = np.stack([picture.iou for picture in pictures])  # (pictures, classes), NaN where absent
        values, mean = [_mean(column) for column in ious.T], _mean(ious)
    else:
        values, mean = [row["iou"] for row in per_class.values()], report["mean_iou"]
    rows = {name: {**row, "iou": iou} for (name, row), iou in zip(per_class.items(), values, strict=True)}
    return {**report, "mean_iou": mean, "per_class": rows, "definition": definition}


def _mean(values: Any) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))
