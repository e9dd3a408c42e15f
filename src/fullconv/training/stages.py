"""Trains the networks of a recipe: one, or 32s first and then each finer stride from the one before (section 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError
from fullconv.models.build import build
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training import finishing
from fullconv.training.divergence import Diverged
from fullconv.training.manifest import Sources
from fullconv.training.pictures import Skipped
from fullconv.training.processes import is_main, main_first
from fullconv.training.recipe import Recipe, stages_of
from fullconv.training.run import run
from fullconv.training.run_folder import MODEL, STATE
from fullconv.training.start import Prepared, config_of, start_model
from fullconv.weights.model_files import PARAMETERS

Note = Callable[[Dataset, ModelConfig, Recipe, Network | None], object]


def train_stages(
    sources: Sources, prepared: Prepared, out: Path, recipe: Recipe, resume: bool, trackers: Sequence[str],
    note: Note | None, skipped: Skipped, until: float | None = None,
) -> Path:  # fmt: skip
    """Trains the networks of a recipe in sequence, each starting from the one before. Returns the last model folder."""
    if recipe.staged:
        for stage in earlier_stages(recipe):
            folder = train_one(sources, prepared, out / stage.arch, stage, resume, trackers, note, skipped)
            sources, note = replace(sources, trunk_weights=None, weights=folder), None
        recipe = last_stage(recipe)
    return train_one(sources, prepared, out, recipe, resume, trackers, note, skipped, until)


def train_one(
    sources: Sources, prepared: Prepared, out: Path, recipe: Recipe, resume: bool, trackers: Sequence[str],
    note: Note | None, skipped: Skipped, until: float | None = None,
) -> Path:  # fmt: skip
    """Trains one network, or resumes it. Returns its model folder. The first of a run is recorded before it starts."""
    torch.manual_seed(recipe.seed)
    dataset, config = prepared.dataset, config_of(prepared, recipe)
    val = dataset.splits.get(recipe.val_split, ())
    if resume and not (out / STATE).exists() and not (sources.weights or sources.trunk_weights):
        raise FullconvError(f"{out}: was stopped before training began; run its command again, without --resume")
    resume = resume and (out / STATE).exists()
    if resume:
        model = build(config).to(memory_format=torch.channels_last)  # all parameters come from the checkpoint
    else:
        model = start_model(config, recipe.pretrained, sources)
    with main_first() as first:
        if first and note:
            note(dataset, config, recipe, None if resume else model)
    try:
        run(model, dataset, config, recipe, out, resume, skipped, trackers, prepared.teacher, until)
    except Diverged:
        if is_main() and (out / MODEL / PARAMETERS).is_file():
            finishing.write_card_and_graph(out / MODEL)  # the last good model is still usable
        raise
    with main_first() as first:
        if first:
            finishing.complete_run(out, val)
    return out / MODEL


def earlier_stages(recipe: Recipe) -> list[Recipe]:
    """Returns the recipes of the networks before the last. Each network has a name of its own."""
    return [replace(stage, name=stage.name and f"{stage.name}-{stage.arch}") for stage in _stages(recipe)[:-1]]


def last_stage(recipe: Recipe) -> Recipe:
    return _stages(recipe)[-1]


def _stages(recipe: Recipe) -> list[Recipe]:
    """`lr` is that of the first stage."""
    factors = [recipe.stage_lr_factor**i for i in range(len(stages_of(recipe.arch)))]
    stages = zip(stages_of(recipe.arch), factors, strict=True)
    return [replace(recipe, arch=arch, lr=recipe.lr * factor, staged=False) for arch, factor in stages]
