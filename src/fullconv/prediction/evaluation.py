"""A model scored on a dataset, every image at its own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fullconv.data.dataset import Dataset, Sample
from fullconv.data.description import describe
from fullconv.metrics import Confusion
from fullconv.metrics import evaluate as score
from fullconv.prediction.predictor import Model


def evaluate(
    model: Model, data: str | Path, split: str = "val", progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter
) -> dict[str, Any]:
    """The numbers of metrics.py for `model` on a split of DATA, whose classes are mapped to the model's."""
    dataset = dataset_for(model, data)
    confusion: Confusion = score(
        lambda image: model.predict(image).label_map, progress(dataset.split(split)), model.classes
    )
    return confusion.report()


def dataset_for(model: Model, data: str | Path) -> Dataset:
    """DATA in the model's classes: by name, by the data's own label_mapping, then by the model's."""
    described = describe(data)
    mapping = {**model.config.label_mapping, **described.label_mapping}
    return described.dataset.mapped_to(model.classes, mapping)
