"""Uses a model, or those of a run in folds, as a teacher: writes its scores of every picture of a run once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fullconv.data.dataset import Picture, Sample, UnlabelledPicture
from fullconv.errors import FullconvError, argument
from fullconv.logger import logger
from fullconv.prediction.predictor import Model, load
from fullconv.training.teacher import is_scores, keys_of, read_index, write_index, write_scores
from fullconv.training.teacher_models import classes_of, digest_teacher, models_of, name_of_teacher
from fullconv.words import counted

STRIDE = 8  # pixels between the stored scores; a stride of 4 would take four times the space
FAR_BELOW = -100.0  # a score this far below the best is equivalent to any lower one, and half precision can store it


def teach(
    teacher: Path, pictures: Sequence[Sample | UnlabelledPicture], folder: Path, speaks: bool, begun: bool = False
) -> None:
    """Writes the scores of the pictures that `folder` does not contain yet.

    Raises FullconvError if another teacher made those that it contains. A run that has `begun` with all of them keeps
    them, whatever has become of the teacher since.
    """
    keys = keys_of(pictures)
    by_path = {picture.image_path: picture for picture in pictures}
    missing = [(by_path[path], key) for path, key in keys.items() if not (folder / f"{key}.npz").is_file()]
    complete = not missing and is_scores(folder)
    if complete and begun:
        return
    digest = digest_teacher(teacher)
    refuse_scores_of_another(folder, teacher, digest)
    if not complete:
        name, models = name_of_teacher(teacher), [load(model) for model in models_of(teacher)]
        write_index(folder, name, classes_of(teacher), align_corners=False, model=digest)
        label = f"the teacher {name} predicts {len(missing)} of {counted(len(keys), 'picture')}"
        label += f" with each of its {len(models)} models" if len(models) > 1 else ""
        predict_all(models, missing, folder, label, speaks)


def predict_all(
    models: Sequence[Model], missing: Sequence[tuple[Sample | UnlabelledPicture, str]], folder: Path, label: str,
    speaks: bool,
) -> None:  # fmt: skip
    """`missing`: (picture, name of its scores)"""
    if speaks and not sys.stderr.isatty():
        logger.info(label)
    with click.progressbar(missing, label=label, file=sys.stderr, hidden=not (speaks and sys.stderr.isatty())) as bar:
        for picture, key in bar:
            seen = picture.read_picture()
            write_scores(folder, key, scores_of(models, seen), seen.size)


def refuse_scores_of_another(folder: Path, teacher: Path, digest: str) -> None:
    """Raises FullconvError if the folder has scores that this teacher did not make, with these classes."""
    if next(folder.glob("*.npz"), None) is None:
        return
    index = read_index(folder) if is_scores(folder) else {}
    if index.get("model") != digest or tuple(index["classes"]) != classes_of(teacher):
        raise FullconvError(
            f"{folder}: its scores were not made by {teacher} as it is now; delete this folder, choose another "
            f"{argument('out')}, or learn from these scores: {argument('teacher', str(folder))}"
        )


def scores_of(models: Sequence[Model], picture: Picture) -> NDArray[np.float16]:
    """(classes, h, w): one score per STRIDE pixels, the logarithm of the mean of the models' class probabilities,
    relative to the best class, which is zero."""
    each = torch.stack([log_probabilities(model, picture) for model in models])
    mean = each.logsumexp(0)
    return (mean - mean.amax(0)).clamp(min=FAR_BELOW).half().numpy()


def log_probabilities(model: Model, picture: Picture) -> Tensor:
    """(classes, h, w), from the mean of the scores in STRIDE x STRIDE pixels."""
    seen = model.view.fixed().see(picture)
    _, scores = model.label(seen.image, scores=True, keeps_scale=seen.keeps_scale)
    height, width = (-(-side // STRIDE) for side in picture.size)
    return F.adaptive_avg_pool2d(torch.from_numpy(scores), (height, width)).log_softmax(0)
