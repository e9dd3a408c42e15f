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
from fullconv.errors import FullconvError, argument
from fullconv.logger import logger
from fullconv.prediction.predictor import Model, load
from fullconv.training.teacher import is_scores, keys_of, read_index, write_index, write_scores
from fullconv.training.teacher_models import classes_of, digest_teacher

STRIDE = 8  # pixels between the stored scores; a stride of 4 would take four times the space
FAR_BELOW = -100.0  # a score this far below the best is equivalent to any lower one, and half precision can store it


def teach(
    model: Path, pictures: Sequence[Sample | UnlabelledPicture], folder: Path, speaks: bool, begun: bool = False
) -> None:
    """Writes the scores of the pictures that `folder` does not contain yet.

    Raises FullconvError if another model made those that it contains. A run that has `begun` with all of them keeps
    them, whatever has become of the model since.
    """
    keys = keys_of(pictures)
    by_path = {picture.image_path: picture for picture in pictures}
    missing = [(by_path[path], key) for path, key in keys.items() if not (folder / f"{key}.npz").is_file()]
    if begun and not missing and is_scores(folder):
        return
    digest = digest_teacher(model)
    refuse_scores_of_another(folder, model, digest)
    if not missing and is_scores(folder):
        return
    teacher = load(model)
    folder.mkdir(parents=True, exist_ok=True)
    write_index(folder, teacher.config.name, teacher.classes.names, align_corners=False, model=digest)
    label = f"the teacher {teacher.config.name} predicts {len(missing)} of {len(keys)} pictures"
    if speaks and not sys.stderr.isatty():
        logger.info(label)
    with click.progressbar(missing, label=label, file=sys.stderr, hidden=not (speaks and sys.stderr.isatty())) as bar:
        for picture, key in bar:
            seen = picture.read_picture()
            write_scores(folder, key, scores_of(teacher, seen), seen.size)


def refuse_scores_of_another(folder: Path, model: Path, digest: str) -> None:
    """Raises FullconvError if the folder has scores that this model did not make, with these classes."""
    if next(folder.glob("*.npz"), None) is None:
        return
    index = read_index(folder) if is_scores(folder) else {}
    if index.get("model") != digest or tuple(index["classes"]) != classes_of(model):
        raise FullconvError(
            f"{folder}: its scores were not made by {model} as it is now; delete this folder, choose another "
            f"{argument('out')}, or learn from these scores: {argument('teacher', str(folder))}"
        )


def scores_of(teacher: Model, picture: Picture) -> NDArray[np.float16]:
    """(classes, h, w): one score per STRIDE pixels, their mean, relative to the best class, which is zero."""
    seen = teacher.view.see(picture)
    _, scores = teacher.label(seen.image, scores=True, keeps_scale=seen.keeps_scale)
    height, width = (-(-side // STRIDE) for side in picture.size)
    means = F.adaptive_avg_pool2d(torch.from_numpy(scores), (height, width))
    return (means - means.amax(0)).clamp(min=FAR_BELOW).half().numpy()
