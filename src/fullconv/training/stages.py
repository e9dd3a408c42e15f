"""A training run from data to model folder: one net at once, or stage by stage (paper, section 4.2)."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from fullconv.errors import FullconvError
from fullconv.export import export_onnx
from fullconv.files import write_json, write_whole
from fullconv.training.card import card
from fullconv.training.processes import main_first
from fullconv.training.recipe import Recipe, from_values, read_recipe, stages_of
from fullconv.training.run import LOG, MODEL, STATE, run
from fullconv.training.start import prepare_data, start_model
from fullconv.weights.folder import CARD, read_config

__all__ = ["LOG", "MODEL", "RECIPE", "STATE", "recipe_of", "train"]

RECIPE = "recipe.json"


def train(
    data: str | Path,
    out: str | Path = "runs/train",
    recipe: str | Path | None = None,
    trunk_weights: str | Path | None = None,
    weights: str | Path | None = None,
    resume: bool = False,
    **changes: Any,
) -> Path:
    """Trains on DATA and gives the model folder out/model: the epoch that scored best on the validation split.

    `recipe` is a YAML file and `changes` are keys of a recipe (arch="fcn8s", epochs=20, ...), which override it.
    The trunk's ImageNet weights come from timm's hub, or from the file `trunk_weights`; with `weights` everything comes
    from another model folder: of the same architecture, or an FCN of a coarser stride; of a model of other classes, all
    but what scores them. `resume`
    goes on from where the run in `out` stopped, by its own recipe. A staged run keeps its earlier nets in folders of
    `out` (fcn32s, fcn16s, …), each the start of the next.
    """
    out = Path(out)
    if not resume and any((folder / LOG).exists() for folder in (out, *out.glob("*/"))):
        raise FullconvError(f"{out}: holds a run already; choose another --out, or go on with --resume {out}")
    chosen = recipe_of(out, **changes) if resume else read_recipe(_path(recipe), **changes)
    with main_first() as is_main:
        if is_main:
            write_json(out / RECIPE, chosen.to_json())
    start, trunk = _path(weights), _path(trunk_weights)
    if chosen.staged:
        for stage in earlier_stages(chosen):
            start, trunk = train_one(data, out / stage.arch, stage, trunk, start, resume), None
        chosen = last_stage(chosen)
    return train_one(data, out, chosen, trunk, start, resume)


def train_one(
    data: str | Path, out: Path, recipe: Recipe, trunk_weights: Path | None, weights: Path | None, resume: bool
) -> Path:
    """One net, from where it was stopped if it was; gives its model folder."""
    torch.manual_seed(recipe.seed)
    dataset, config = prepare_data(data, recipe)
    if resume and not (out / STATE).exists() and not (weights or trunk_weights):
        raise FullconvError(f"{out}: was stopped before it had begun; start it again, without --resume")
    resume = resume and (out / STATE).exists()
    if resume:
        model = start_model(config, pretrained=False)  # everything comes from the checkpoint
    else:
        model = start_model(config, recipe.pretrained, trunk_weights, weights)
    run(model, dataset, config, recipe, out, resume)
    with main_first() as is_main:
        if is_main:
            finish(out / MODEL)
    return out / MODEL


def earlier_stages(recipe: Recipe) -> list[Recipe]:
    """The recipes of the nets before the last."""
    return _stages(recipe)[:-1]


def last_stage(recipe: Recipe) -> Recipe:
    return _stages(recipe)[-1]


def _stages(recipe: Recipe) -> list[Recipe]:
    """`lr` is the first one's."""
    factors = [recipe.stage_lr_factor**i for i in range(len(stages_of(recipe.arch)))]
    stages = zip(stages_of(recipe.arch), factors, strict=True)
    return [replace(recipe, arch=arch, lr=recipe.lr * factor, staged=False) for arch, factor in stages]


def recipe_of(out: Path, **changes: Any) -> Recipe:
    """The recipe with which a run was started. Raises FullconvError where `changes` would alter it midway."""
    if not (out / RECIPE).is_file():
        raise FullconvError(f"{out}: no run there; --resume takes the folder of an earlier run")
    recipe = from_values(json.loads((out / RECIPE).read_text()))
    for key, value in changes.items():
        if value is not None and value != getattr(recipe, key):
            raise FullconvError(f"{out}: was started with {key} {getattr(recipe, key)}, a resumed run keeps its recipe")
    return recipe


def finish(folder: Path) -> None:
    """Writes the model card and, where the exporter is installed, the graph for prediction without torch."""
    text = card(read_config(folder))
    write_whole(folder / CARD, lambda hidden: hidden.write_text(text, encoding="utf-8"))
    if find_spec("onnxscript"):
        export_onnx(folder)
    else:
        print(f"{folder} predicts with torch; to do without: pip install 'fullconv[export]', fullconv export {folder}")


def _path(value: str | Path | None) -> Path | None:
    return Path(value) if value else None
