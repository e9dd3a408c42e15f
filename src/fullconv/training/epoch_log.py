"""What a run keeps of each finished epoch: a line of log.jsonl, and an item of the history in the state file."""

from __future__ import annotations

import json
import math
from typing import Required, TypedDict


class ValScores(TypedDict):
    """Scores on the validation split. `iou`: of each class that occurs there."""

    mean_iou: float
    boundary_iou: float | None
    pixel_accuracy: float | None
    iou: dict[str, float | None]


class Epoch(TypedDict, total=False):
    """`epoch` is counted from 1, `loss` is the mean over its steps, `lr` the learning rate after the last one, and
    `not_shown` the classes that no crop showed. The others are there only if the epoch was evaluated."""

    epoch: Required[int]
    loss: Required[float]
    lr: float
    not_shown: list[str]
    mean_iou: float
    boundary_iou: float | None
    pixel_accuracy: float | None
    iou: dict[str, float | None]
    val_loss: float | None


def line_of(epoch: Epoch) -> str:
    """Returns an epoch as JSON. Numbers that are not finite become null, because JSON cannot represent them."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in epoch.items()}
    return json.dumps(finite, allow_nan=False)


def mean_ious(history: list[Epoch]) -> list[float]:
    """Returns the mean IoU of each epoch that was evaluated."""
    return [epoch["mean_iou"] for epoch in history if "mean_iou" in epoch]
