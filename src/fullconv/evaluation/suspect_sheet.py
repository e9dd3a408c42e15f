"""A sheet of suspected labels: picture, labels and the model's prediction side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fullconv.classes import Classes
from fullconv.evaluation.scoring import label_sample
from fullconv.evaluation.suspects import Judge, Suspicion
from fullconv.outputs.sheet import write_sheet
from fullconv.segmentation import Segmentation
from fullconv.view import rgb_of

FRAME = (255, 0, 0)
KINDS = ("photo", "labels", "prediction")


@dataclass(frozen=True)
class Row:
    """The picture with frames around its suspected regions, then its labels, then the model's."""

    pictures: Sequence[NDArray[np.uint8]]
    name: str
    remark: str
    has_void: bool


def write_suspects(suspicions: Sequence[Suspicion], judge: Judge, classes: Classes, path: Path) -> Path:
    rows = [row_of(suspicion, judge, classes) for suspicion in suspicions]
    return write_sheet(rows, classes, path, KINDS, bright=True)


def row_of(suspicion: Suspicion, judge: Judge, classes: Classes) -> Row:
    seen, truth, labels = label_sample(judge(suspicion.sample), suspicion.sample)
    photo = rgb_of(seen.image)
    overlays = [Segmentation(photo, one, classes).overlay() for one in (truth, labels)]
    first = suspicion.suspects[0]
    remark = f"{classes.names[first.label]} or {classes.names[first.suggested]}?"
    has_void = bool((truth == classes.void).any())
    return Row((framed(photo, suspicion), *overlays), suspicion.sample.name, remark, has_void)


def framed(photo: NDArray[np.uint8], suspicion: Suspicion) -> NDArray[np.uint8]:
    picture = Image.fromarray(photo.copy())
    width = max(2, max(picture.size) // 150)
    for suspect in suspicion.suspects:
        left, top, right, bottom = suspect.box
        ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), outline=FRAME, width=width)
    return np.array(picture)
