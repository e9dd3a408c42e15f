"""Trains one network, epoch by epoch. Each epoch saves a state to resume from. The last of the good epochs is kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fullconv.classes import VOID
from fullconv.damage import as_one_line
from fullconv.data.dataset import Dataset, Sample
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training.batches import load_epoch
from fullconv.training.distillation import Divergence
from fullconv.training.divergence import check_parameters, explain_divergence
from fullconv.training.epoch import Pictures
from fullconv.training.epoch_log import Epoch, ValScores
from fullconv.training.loop import Batch, begin_training, train_epoch
from fullconv.training.losses import SegmentationLoss
from fullconv.training.objective import Objective
from fullconv.training.optimisation import advance_schedule, build_optimiser, build_schedule, rate_now
from fullconv.training.pictures import Skipped, refuse_many, training_pictures
from fullconv.training.processes import main_first, new_accelerator, over_processes, rank_and_count
from fullconv.training.progress import RunProgress
from fullconv.training.recipe import Recipe
from fullconv.training.resuming import history_in, restore_optimiser, restore_schedule
from fullconv.training.run_folder import LOG, MODEL, STATE
from fullconv.training.sampling import Sampling, presence, repeat_factors
from fullconv.training.teacher import Teacher
from fullconv.training.trackers import Trackers
from fullconv.training.val_loss import val_loss
from fullconv.training.validation import has_stalled, keep_if_good
from fullconv.training.weighting import weigh_classes
from fullconv.weights import checkpoint
from fullconv.words import pasted


@dataclass
class State:
    """Everything that changes during a run."""

    model: Network
    average: AveragedModel | None
    optimiser: Optimizer
    schedule: LRScheduler
    history: list[Epoch]

    @property
    def trained(self) -> Network:
        """The network that is scored and kept: the average, if there is one."""
        return cast(Network, self.average.module) if self.average else self.model

    def parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "average": self.average, "optimiser": self.optimiser, "schedule": self.schedule}
        return {name: part for name, part in parts.items() if part is not None}

    def save(self, path: Path, epochs: int) -> None:
        """Writes the state. `epochs`: the number that the schedule is for."""
        parts = {name: part.state_dict() for name, part in self.parts().items()}
        checkpoint.save_state(path, {**parts, "history": self.history, "epochs": epochs})

    def restore(self, path: Path, epochs: int, steps: int) -> None:
        """Restores everything as it was when `path` was written. Raises FullconvError if it does not fit.

        If the run then had fewer `epochs` of `steps` each, the schedule becomes the longer one, at its current
        position.
        """
        values = checkpoint.load_state(path)
        with as_one_line(path, "the state of this run", "resume from a copy of it, or train again"):
            self._put_back(values, epochs, steps)

    def _put_back(self, values: dict[str, Any], epochs: int, steps: int) -> None:
        self.history = history_in(values)
        is_longer = values.get("epochs", epochs) != epochs
        groups = advance_schedule(self.schedule, self.optimiser, len(self.history) * steps) if is_longer else []
        self.model.load_state_dict(values["model"])
        if self.average is not None:
            self.average.load_state_dict(values["average"])
        restore_optimiser(self.optimiser, values["optimiser"])
        if not is_longer:
            restore_schedule(self.schedule, values["schedule"])
        for group, numbers in zip(self.optimiser.param_groups, groups, strict=False):
            group.update(numbers)


class Course:
    """Everything that the steps of a run use, created from its recipe. `resumes`: a folder whose state is restored."""

    def __init__(
        self, model: Network, dataset: Dataset, config: ModelConfig, recipe: Recipe, skipped: Skipped,
        teacher: Teacher | None = None, resumes: Path | None = None,
    ) -> None:  # fmt: skip
        samples = dataset.split(recipe.train_split)
        self.recipe, self.skipped, self.config = recipe, skipped, config
        self.accelerator = new_accelerator(recipe.precision)
        sampling = sampling_of(dataset, recipe, teacher)
        self.steps = -(-sampling.length // recipe.batch_size)  # per epoch
        self.state = start(model.to(self.accelerator.device), recipe, self.steps * recipe.epochs)
        if resumes:
            self.state.restore(resumes / STATE, recipe.epochs, self.steps)
        self.objective = objective_of(recipe, samples, config, teacher)
        seen = training_pictures([*samples, *dataset.unlabelled], config, skipped)
        self.pictures = Pictures(seen, sampling, teacher, len(config.classes))
        self.stepped, self.optimiser = prepare_for_steps(self.state, recipe, self.accelerator)

    def batches(self, epoch: int) -> Generator[Batch, None, None]:
        """Yields the batches of an epoch, from its own random numbers."""
        seed_epoch(self.recipe.seed, epoch)
        begin_training(self.stepped, self.recipe.frozen_norms)
        return load_epoch(self.pictures, self.recipe, epoch, self.accelerator.device)

    def learn(self, batches: Iterable[Batch], advance: Callable[[float], None]) -> float:
        """Takes a step for each batch. Returns the mean loss."""
        moving = (self.stepped, self.state.average, self.objective, self.optimiser, self.state.schedule)
        self.shown = torch.zeros(VOID + 1, dtype=torch.long, device=self.accelerator.device)
        return train_epoch(*moving, self.accelerator, self._looked_at(batches), self.recipe.clip, advance)

    def not_shown(self) -> list[str]:
        """Returns the classes that the last steps saw no pixel of, in any process."""
        shown = over_processes(self.shown)
        return [name for name, seen in zip(self.config.classes.names, shown.tolist(), strict=False) if not seen]

    def _looked_at(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            for part in batch:
                self.shown.scatter_(0, part.labels.flatten().long(), 1)  # does not wait for the GPU
            yield batch


def run(
    model: Network,
    dataset: Dataset,
    config: ModelConfig,
    recipe: Recipe,
    out: Path,
    resume: bool,
    skipped: Skipped,
    trackers: Sequence[str] = (),
    teacher: Teacher | None = None,
    ends: float | None = None,
) -> None:
    """Trains, averages, evaluates and writes, epoch after epoch. out/model holds the last of the good epochs.

    `ends`: the reading of the monotonic clock at which the steps should be done, if a time was given.
    """
    course = Course(model, dataset, config, recipe, skipped, teacher, out if resume else None)
    state, val = course.state, dataset.splits.get(recipe.val_split, ())
    speaks = course.accelerator.is_main_process
    if not resume and speaks:
        state.save(out / STATE, recipe.epochs)  # so that the initial weights are not needed again
    progress = RunProgress(recipe.epochs, course.steps, out / LOG, state.history, speaks, ends)
    with progress, Trackers(trackers if speaks else (), out, recipe, state.history) as open_trackers:
        for epoch in range(len(state.history), recipe.epochs):
            if has_stalled(state.history, recipe.patience):
                progress.stop_early(recipe.patience)
                break
            with explain_divergence(epoch + 1, recipe, out / MODEL):
                entry: Epoch = {
                    "epoch": epoch + 1,
                    "loss": course.learn(course.batches(epoch), progress.advance),
                }
                check_parameters(state.model, state.trained)
            entry["lr"] = rate_now(state.optimiser, recipe)
            if missing := course.not_shown():
                entry["not_shown"] = missing
            count = len(course.pictures.pictures) + len(val)
            refuse_many(skipped.all(), count, f"restore them, then continue with --resume {pasted(out)}")
            if scores := validate(state, val, config, recipe, out / MODEL, entry, skipped):
                where = (config, course.objective, recipe.crop_size, skipped)
                entry = {**entry, **scores, "val_loss": val_loss(state.trained, val, *where)}
            state.history.append(entry)
            with main_first() as is_main:
                if is_main:
                    state.save(out / STATE, recipe.epochs)
                    open_trackers.log(entry, steps_per_second=progress.end_epoch(entry))


def start(model: Network, recipe: Recipe, steps: int) -> State:
    optimiser = build_optimiser(model, recipe)
    schedule = build_schedule(optimiser, recipe, steps)
    return State(model, moving_average(model, recipe.ema), optimiser, schedule, [])


def prepare_for_steps(state: State, recipe: Recipe, accelerator: Accelerator) -> tuple[nn.Module, Any]:
    """Returns (the model, shared between processes and compiled if requested; its optimiser)."""
    model: nn.Module = state.model
    if accelerator.device.type == "cuda" and accelerator.num_processes > 1 and not recipe.frozen_norms:
        # Batch statistics over all processes. There is no such layer for CPUs.
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    model, optimiser = accelerator.prepare(model, state.optimiser)
    if recipe.compile:
        torch.compiler.reset()  # an earlier run in this process may have compiled for another crop size
        model = cast(nn.Module, torch.compile(model))
    return model, optimiser


def seed_epoch(seed: int, epoch: int) -> None:
    """Seeds an epoch, so that its dropout is the same after an interruption, and differs between processes."""
    rank, _ = rank_and_count()
    torch.manual_seed((seed * 100_003 + epoch) * 1009 + rank)


def loss_of(recipe: Recipe, samples: Sequence[Sample], config: ModelConfig) -> SegmentationLoss:
    return SegmentationLoss(
        void=config.classes.void, weights=weigh_classes(recipe.class_weights, samples, config.classes),
        total=recipe.pixels == "total", focal=recipe.focal, hardest=recipe.hardest, dice=recipe.dice,
        lovasz=recipe.lovasz,
    )  # fmt: skip


def objective_of(recipe: Recipe, samples: Sequence[Sample], config: ModelConfig, teacher: Teacher | None) -> Objective:
    labels, divergence = loss_of(recipe, samples, config), None
    if teacher:
        known = None if len(teacher.known) == len(config.classes) else tuple(teacher.known)
        divergence = Divergence(known, recipe.teacher_weight, recipe.temperature, config.classes.void)
    return Objective(labels, divergence, config.architecture.stride if recipe.coarse_loss else 1)


def validate(
    state: State, val: Sequence[Sample], config: ModelConfig, recipe: Recipe, folder: Path, entry: Epoch,
    skipped: Skipped,
) -> ValScores | None:  # fmt: skip
    """Returns the scores on val, None for an epoch that is not evaluated. Without val, the last epoch is kept."""
    if val:
        due = entry["epoch"] % recipe.evaluate_every == 0 or entry["epoch"] == recipe.epochs
        return keep_if_good(state.trained, val, config, folder, [*state.history, entry], skipped) if due else None
    with main_first() as is_main:
        if is_main:
            checkpoint.save_model(folder, state.trained, config)
    return None


def moving_average(model: Network, decay: float) -> AveragedModel | None:
    """Returns the exponential average of the parameters over the steps, which scores better than the last step.

    It covers a tenth of the steps so far, at most 1 / (1 - decay), so that a short run is not held back by its start.
    """
    rule: Any = get_ema_multi_avg_fn  # torch has no type for it

    def update(averaged: Any, current: Any, steps: Any) -> None:
        rule(min(decay, (1 + int(steps)) / (10 + int(steps))))(averaged, current, steps)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True) if decay else None


def sampling_of(dataset: Dataset, recipe: Recipe, teacher: Teacher | None) -> Sampling:
    """Returns what each epoch shows. For unlabelled pictures, the teacher says which classes are in them."""
    samples, count = dataset.split(recipe.train_split), len(dataset.classes)
    labelled, unlabelled = torch.ones(len(samples)), torch.ones(len(dataset.unlabelled))
    if recipe.balance:
        labelled = repeat_factors(presence(samples, count), recipe.balance)
    labelled = labelled * recipe.repeat
    if recipe.balance and teacher and len(unlabelled):
        present = np.stack([teacher.presence(picture, count) for picture in dataset.unlabelled])
        unlabelled = repeat_factors(present, recipe.balance)
    return Sampling(labelled, unlabelled, recipe.unlabelled_share)
