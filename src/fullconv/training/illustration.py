"""Draws pictures of a finished run: its curves, what it confuses, and its best and worst pictures of val."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.data.dataset import Sample
from fullconv.evaluation.per_picture import PictureScore, ranked
from fullconv.evaluation.scoring import Scored, label_sample, score_pictures
from fullconv.figures.confusion import draw_confusion
from fullconv.figures.curves import draw_curves
from fullconv.figures.report import Subject, write_report
from fullconv.logger import logger
from fullconv.models.config import ModelConfig
from fullconv.outputs.sheet import write_sheet
from fullconv.prediction.predictor import Model, load
from fullconv.training.epoch_log import Epoch
from fullconv.training.run_report import with_run
from fullconv.view import rgb_of
from fullconv.weights.model_files import read_config

CURVES, CONFUSION, SAMPLES, REPORT = "curves.png", "confusion_matrix.png", "samples.png", "report.html"
KINDS = ("photo", "truth", "prediction")
OF_EACH = 6  # best and worst pictures each
SCORED = 500  # pictures of val at most, at equal distances, so that a sheet does not take hours


@dataclass(frozen=True)
class Row:
    """Photo, truth and prediction, (H, W, 3) uint8 each, the text above them, and whether there is void in the
    truth."""

    pictures: tuple[NDArray[np.uint8], ...]
    name: str
    remark: str
    has_void: bool


def illustrate(out: Path, model: Path, log: Path, val: Sequence[Sample]) -> None:
    """Draws the pictures of a run folder from its log and its model. The model sees `val` as in `predict`."""
    config = read_config(model)
    if find_spec("matplotlib"):
        draw_numbers(out, config, [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()])
    else:
        logger.info(f"{out}: no curves drawn, because matplotlib is not installed; run: pip install 'fullconv[train]'")
    if val:
        loaded = load(model)
        scored = score_pictures(loaded, some_of(val))
        draw_samples(loaded, scored.pictures, out / SAMPLES)
        report(out, loaded, scored)


def draw_numbers(out: Path, config: ModelConfig, history: Sequence[Epoch]) -> None:
    title = f"{out.name}: {config.architecture.title}"
    draw_curves(history, title).save(out / CURVES)
    numbers = config.metrics.get("val")
    if numbers:
        where = f"{title}, epoch {config.provenance.get('epoch')} on val"
        draw_confusion(numbers["confusion"], config.classes.names, where).save(out / CONFUSION)


def some_of(val: Sequence[Sample]) -> Sequence[Sample]:
    return [val[i * len(val) // SCORED] for i in range(SCORED)] if len(val) > SCORED else val


def report(out: Path, model: Model, scored: Scored) -> None:
    """Writes report.html, to be opened in a browser."""
    title = f"{out.name}: {model.config.architecture.title}"
    write_report(out / REPORT, model, with_run(Subject(title, scored.confusion.report(), scored.pictures), out))


def draw_samples(model: Model, pictures: Sequence[PictureScore], path: Path) -> None:
    """Draws a sheet with the best pictures on the left, and on the right the worst, whose names are in red."""
    order = ranked(pictures)
    count = min(OF_EACH, (len(order) + 1) // 2)
    rows = []
    for best, worst in zip(order[::-1][:count], order[:count], strict=True):
        rows += [row_of(model, best), row_of(model, worst, "worst")]
    write_sheet(rows, model.classes, path, KINDS)


def row_of(model: Model, score: PictureScore, remark: str = "") -> Row:
    seen, truth, labels = label_sample(model, score.sample)
    pictures = (rgb_of(seen.image), *(model.classes.palette()[label_map] for label_map in (truth, labels)))
    has_void = bool((truth == model.classes.void).any())
    return Row(pictures, f"mean IoU {score.mean_iou:.3f}, {score.sample.name}", remark, has_void)
