"""Scores a model on a data set, every image at its own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fullconv.classes import Classes, LabelMap
from fullconv.data.assumption import BACKGROUND, OBJECT, Assumption
from fullconv.data.dataset import ALL, Dataset, Sample
from fullconv.data.description import Description, describe
from fullconv.data.doctor.nothing_to_learn import refuse_wrong_masks
from fullconv.data.split_names import remarks, unused
from fullconv.errors import FullconvError, argument
from fullconv.evaluation.interval import mean_iou_interval
from fullconv.evaluation.mean_iou import DEFAULT, check_definition, with_definition
from fullconv.evaluation.merging import Merging
from fullconv.evaluation.merging import merge_to as merging_to
from fullconv.evaluation.per_picture import PictureScore, ranked, score_of
from fullconv.evaluation.thin_structures import ThinScores
from fullconv.files import path_of
from fullconv.logger import logger
from fullconv.metrics import Confusion, Counts
from fullconv.prediction.memory import bytes_of, for_pictures, refuse_heavy
from fullconv.prediction.predictor import Model
from fullconv.view import Seen
from fullconv.words import counted

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


def evaluate(
    model: Model,
    data: str | Path,
    split: str = "val",
    progress: Progress = iter,
    definition: str = DEFAULT,
    worst: int = 0,
    merge_to: str | Sequence[str] = (),
    interval: bool = False,
    outside: Sequence[str | Path] = (),
    thin: bool = False,
) -> dict[str, Any]:
    """Scores `model` on a split of `data`; returns the metrics of `Confusion.report`, 0–1, at each picture's own size.

    `split`: "val", "test" or any other split of the data, or "all": the pictures of all splits together.
    The classes of the data are mapped to the model's. `definition`: the mean IoU of mmseg (the same as the paper's),
    torchmetrics or paddleseg. `worst`: list this many pictures, worst first, under the key `worst` (file, mean IoU,
    most common error). `merge_to`: count all classes except these as background, in truth and prediction, after
    predicting with all of the model's classes. `interval`: add `mean_iou_interval`, a 95 % bootstrap interval over
    pictures. `thin`: add `thin`, the scores of structures a few pixels wide: for each class, precision, recall and F1
    within 2 pixels, and clDice (arXiv 2003.07177). Files that lists and annotations refer to must be in the data's
    folder or in one of `outside`.

    The key `skipped` lists files that could not be read, with the reason; `notes` lists choices made while reading the
    others. Raises FullconvError if no picture of the split can be read, or the model lacks a class of the data.
    """
    check_definition(definition)
    scored = score(model, data, split, progress, merge_to, interval, outside, thin)
    return numbers_of(scored, definition, worst, interval)


def score(
    model: Model, data: str | Path, split: str = "val", progress: Progress = iter, merge_to: Sequence[str] = (),
    keeps_matrices: bool = False, outside: Sequence[str | Path] = (), thin: bool = False,
) -> Scored:  # fmt: skip
    """Returns what the numbers of `evaluate` are computed from.

    Raises FullconvError if no picture of the split can be read, or if the masks show one class because they are wrong.
    """
    if not isinstance(model, Model):
        raise FullconvError("model: give a model from fullconv.load, as in evaluate(load('photos'), data)")
    path_of("data", data)
    merging = merging_to(merge_to, model.classes) if merge_to else None
    dataset = dataset_for(model, data, outside, split)
    scored = score_pictures(model, dataset.split(split), progress, merging, keeps_matrices, thin)
    if scored.skipped and not scored.pictures:
        raise FullconvError(next(iter(scored.skipped.values())))
    if np.count_nonzero(scored.confusion.matrix.sum(1)) <= 1:  # all of it background, for example
        refuse_wrong_masks(Path(data), outside)
    return replace(scored, root=dataset.root)


def numbers_of(scored: Scored, definition: str = DEFAULT, worst: int = 0, interval: bool = False) -> dict[str, Any]:
    """Returns the report of `evaluate`."""
    report = with_definition(scored.confusion.report(), definition, scored.pictures)
    if worst:
        classes = scored.confusion.classes
        report["worst"] = [one.to_json(scored.root, classes) for one in ranked(scored.pictures)[:worst]]
    if interval:
        report["mean_iou_interval"] = mean_iou_interval(scored.matrices)
    if scored.thin:
        report["thin"] = scored.thin.report()
    for key, found in (("skipped", scored.skipped), ("notes", scored.notes)):
        if found:
            report[key] = {str(path): what for path, what in found.items()}
    return report


@dataclass(frozen=True)
class Scored:
    """The result for a set: the matrix over all pictures, the score of each, and what could not be read, and why."""

    confusion: Confusion
    pictures: list[PictureScore] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    notes: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    matrices: list[Counts] = field(default_factory=list)  # of each picture, if requested
    root: Path = Path()  # of the data
    thin: ThinScores | None = None  # if requested


def score_pictures(
    model: Model,
    samples: Sequence[Sample],
    progress: Progress = iter,
    merging: Merging | None = None,
    keeps_matrices: bool = False,
    thin: bool = False,
) -> Scored:
    """Scores every picture at its own size, read as for prediction. Leaves out files that cannot be read."""
    classes = merging.classes if merging else model.classes
    scored = Scored(Confusion(classes), thin=ThinScores(classes) if thin else None)
    for sample in progress(samples):
        try:
            seen, truth, label_map = label_sample(model, sample)
        except FullconvError as error:
            scored.skipped[sample.image_path] = str(error)
            continue
        if merging:
            truth, label_map = merging.apply(truth), merging.apply(label_map)
        counts = scored.confusion.add(truth, label_map)
        scored.pictures.append(score_of(sample, counts))
        if scored.thin:
            scored.thin.add(truth, label_map)
        if keeps_matrices:
            scored.matrices.append(counts)
        if seen.notes:
            scored.notes[sample.image_path] = seen.notes
    return scored


def label_sample(model: Model, sample: Sample) -> tuple[Seen, LabelMap, LabelMap]:
    """(the picture as the model sees it, its true labels, the model's)."""
    refuse_heavy(sample.image_path, bytes_of(sample.image_path, len(model.classes)), for_pictures())
    seen, truth = sample.see(model.view)
    return seen, truth, model.label(seen.image, keeps_scale=seen.keeps_scale)[0]


def dataset_for(model: Model, data: str | Path, outside: Sequence[str | Path] = (), split: str = "") -> Dataset:
    """Returns DATA with the model's classes: by name, by the data's own label_mapping, then by the model's.

    Logs what is assumed of a bare folder. If `split` is `all`, none of its pictures are held back.
    """
    described = describe(data, outside, holds_back=split != ALL)
    log_assumption(described.assumption)
    for line in remarks(described.dataset, described.dataset.splits):
        logger.info(line)
    for name, samples in unused(described.dataset.splits) if split == ALL else ():
        logger.info(f"all includes {counted(len(samples), 'picture')} of {name}, which is neither train, val nor test")
    mapping = {**model.config.label_mapping, **described.label_mapping, **only_object(described, model.classes)}
    return described.dataset.mapped_to(model.classes, mapping)


def only_object(described: Description, classes: Classes) -> dict[str, str]:
    """{"object": the model's own name for it} for a bare folder of background and objects, if the model too has a
    single class besides background. Otherwise {}."""
    assumed = described.assumption is not None and described.dataset.classes.names == (BACKGROUND, OBJECT)
    if not assumed or len(classes) != 2 or not classes.has_background or OBJECT in classes.names:
        return {}
    logger.info(f"{OBJECT} is taken to be {classes.names[1]}, the only class of the model besides {BACKGROUND}")
    return {OBJECT: classes.names[1]}


def log_assumption(assumption: Assumption | None) -> None:
    for line in assumption.lines if assumption else ():
        logger.info(line)
    if assumption and "val" in assumption.keys:
        logger.info(f"to use every picture: {argument('split', ALL)}")
