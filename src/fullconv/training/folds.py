"""Trains a model for each fold: how good models with this recipe are, and how much that varies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from time import monotonic

from fullconv.data.dataset import Sample
from fullconv.evaluation.folds import Fold, place_of, write_folds
from fullconv.logger import logger
from fullconv.training.length import seconds_of
from fullconv.training.processes import main_first
from fullconv.training.run_folder import MODEL
from fullconv.weights.model_files import read_config

TrainFold = Callable[[int, Path, float | None], object]  # number from 1, folder of the run, seconds that it may take


def folder_of(out: Path, number: int) -> Path:
    return out / f"fold{number}"


def train_folds(train: TrainFold, out: Path, count: int, time: str | float | None, began: float) -> list[float]:
    """Trains each fold in its own folder, with equal shares of the time. Returns the mean IoUs on the held-out
    pictures."""
    until = None if time is None else began + seconds_of(time)
    found = []
    for number in range(1, count + 1):
        logger.info(f"fold {number} of {count}")
        left = None if until is None else max(1.0, until - monotonic()) / (count - number + 1)
        train(number, folder_of(out, number), left)
        found.append(mean_iou_of(folder_of(out, number)))
    return found


def mean_iou_of(run: Path) -> float:
    """Returns the mean IoU of the kept model on the pictures that it was not trained on."""
    return float(read_config(run / MODEL).metrics["val"]["mean_iou"] or 0.0)


def note_folds(out: Path, held_back: list[tuple[Sample, ...]], root: Path) -> None:
    """Writes folds.json, from which `check` finds the model that has not seen a picture."""
    folds = [
        Fold(folder_of(out, number).name, tuple(place_of(sample, root) for sample in samples))
        for number, samples in enumerate(held_back, 1)
    ]
    with main_first() as first:
        if first:
            write_folds(out, folds)


def folds_summary(found: list[float]) -> str:
    """Returns the mean over the folds and the sample standard deviation, as text."""
    each = ", ".join(f"{value:.4f}" for value in found)
    return f"mean IoU over {len(found)} folds: {mean(found):.4f}, deviation {stdev(found):.4f} ({each})"
