"""Uses a model as a teacher: writes its scores of every picture of a run once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from fullconv.data.dataset import Picture, Sample, UnlabelledPicture
from fullconv.logger import logger
from fullconv.prediction.predictor import Model, load
from fullconv.training.teacher import INDEX, keys_of, write_index, write_scores
from fullconv.words import counted

STRIDE = 8  # pixels between the stored scores; a stride of 4 would take four times the space
FAR_BELOW = -100.0  # a score this far below the best is equivalent to any lower one, and half precision can store it


def is_scores(folder: Path) -> bool:
    """Whether a teacher is given as scores rather than as a model."""
    return (folder / INDEX).is_file()


def teach(model: str | Path, pictures: Sequence[Sample | UnlabelledPicture], folder: Path, speaks: bool) -> None:
    """Writes the scores of the pictures that `folder` does not contain yet."""
    keys = keys_of(pictures)
    by_path = {picture.image_path: picture for picture in pictures}
    missing = [(by_path[path], key) for path, key in keys.items() if not (folder / f"{key}.npz").is_file()]
    if not missing and is_scores(folder):
        return
    teacher = load(model)
    folder.mkdir(parents=True, exist_ok=True)
    write_index(folder, teacher.config.name, teacher.classes.names, align_corners=False)
    label = f"the teacher {teacher.config.name} predicts {len(missing)} of {counted(len(keys), 'picture')}"
    if speaks and not sys.stderr.isatty():
        logger.info(label)
    with click.progressbar(missing, label=label, file=sys.stderr, hidden=not (speaks and sys.stderr.isatty())) as bar:
        for picture, key in bar:
            seen = picture.read_picture()
            write_scores(folder, key, scores_of(teacher, seen), seen.size)


def scores_of(teacher: Model, picture: Picture) -> NDArray[np.float16]:
    """(classes, h, w): one score per STRIDE pixels, their mean, relative to the best class, which is zero."""
    seen = teacher.view.see(picture)
    _, scores = teacher.label(seen.image, scores=True, keeps_scale=seen.keeps_scale)
    height, width = (-(-side // STRIDE) for side in picture.size)
    means = F.adaptive_avg_pool2d(torch.from_numpy(scores), (height, width))
    return (means - means.amax(0)).clamp(min=FAR_BELOW).half().numpy()
