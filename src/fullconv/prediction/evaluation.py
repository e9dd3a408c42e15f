"""A model scored on a dataset, every image at its own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fullconv.data.dataset import Dataset, Sample
from fullconv.data.description import describe
from fullconv.errors import FullconvError
from fullconv.metrics import Confusion
from fullconv.metrics import evaluate as score
from fullconv.prediction.definitions import DEFAULT, check_definition, redefined
from fullconv.prediction.pictures import PictureScore, ranked, score_of
from fullconv.prediction.predictor import Model
from fullconv.sources import path_of

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


def evaluate(
    model: Model,
    data: str | Path,
    split: str = "val",
    progress: Progress = iter,
    definition: str = DEFAULT,
    worst: int = 0,
) -> dict[str, Any]:
    """The numbers of metrics.py for `model` on a split of DATA, whose classes are mapped to the model's.

    `definition` is whose mean IoU: mmseg (the paper's), torchmetrics or paddleseg. With `worst`, so many pictures are
    listed under that key, the worst first: file, mean IoU, commonest error.
    """
    check_definition(definition)
    if not isinstance(model, Model):
        raise FullconvError("model: give what fullconv.load gives, as in evaluate(load('animals'), data)")
    path_of("data", data)
    dataset = dataset_for(model, data)
    confusion, pictures = score_pictures(model, dataset.split(split), progress)
    report = redefined(confusion.report(), definition, pictures)
    if worst:
        report["worst"] = [one.to_json(dataset.root, model.classes) for one in ranked(pictures)[:worst]]
    return report


def score_pictures(
    model: Model, samples: Sequence[Sample], progress: Progress = iter
) -> tuple[Confusion, list[PictureScore]]:
    """The matrix over all samples, and each one's own score."""
    pictures: list[PictureScore] = []
    confusion = score(
        lambda image: model.predict(image).label_map,
        progress(samples),
        model.classes,
        lambda sample, counts: pictures.append(score_of(sample, counts)),
    )
    return confusion, pictures


def dataset_for(model: Model, data: str | Path) -> Dataset:
    """DATA in the model's classes: by name, by the data's own label_mapping, then by the model's."""
    described = describe(data)
    mapping = {**model.config.label_mapping, **described.label_mapping}
    return described.dataset.mapped_to(model.classes, mapping)
