"""A training run from data to model folder: build, train epoch by epoch, keep what scores best on val."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset, LabelMap, Sample
from fullconv.errors import FullconvError
from fullconv.export import export_onnx
from fullconv.files import write_json, write_whole
from fullconv.images import ImageArray
from fullconv.metrics import evaluate
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training.card import card
from fullconv.training.illustration import illustrate
from fullconv.training.loop import Batch, train_epoch
from fullconv.training.losses import segmentation_loss
from fullconv.training.manifest import Sources
from fullconv.training.optimisation import build_optimiser, build_schedule
from fullconv.training.recipe import Recipe, from_values, read_recipe
from fullconv.training.report import Report
from fullconv.training.reproduction import begin, go_on
from fullconv.training.sampling import epoch_length, presence, repeat_factors
from fullconv.training.start import prepare_data, start_model
from fullconv.training.trackers import Trackers, check_trackers
from fullconv.training.transforms import Epoch
from fullconv.weights import checkpoint
from fullconv.weights.folder import CARD, read_config

RECIPE, STATE, LOG, MODEL = "recipe.json", "last.pt", "log.jsonl", "model"


def train(
    data: str | Path,
    out: str | Path = "runs/train",
    recipe: str | Path | None = None,
    trunk_weights: str | Path | None = None,
    weights: str | Path | None = None,
    resume: bool = False,
    repeats: str | Path | None = None,
    track: str | Sequence[str] | None = None,
    **changes: Any,
) -> Path:
    """Trains on DATA and gives the model folder out/model: the epoch that scored best on the validation split.

    `recipe` is a YAML file and `changes` are keys of a recipe (arch="fcn8s", epochs=20, ...), which override it.
    The trunk's ImageNet weights come from timm's hub, or from the file `trunk_weights`; with `weights` everything comes
    from another model folder of the same classes: of the same architecture, or an FCN of a coarser stride. `resume`
    goes on from out/last.pt by its own recipe. `repeats` is a run folder: its recipe is taken, and its data and weights
    must be the same. `track`: tensorboard, wandb, mlflow, or "none"; TensorBoard where it is installed.
    """
    out, repeated, trackers = Path(out), _path(repeats), check_trackers(track)
    if (out / STATE).exists() and not resume:
        raise FullconvError(f"{out}: holds a run already; choose another --out, or go on with --resume {out}")
    earlier = out if resume else repeated
    if earlier and recipe:
        raise FullconvError(f"{recipe}: {earlier} has its own recipe, which is kept; leave --recipe out")
    chosen = recipe_of(earlier, **changes) if earlier else read_recipe(_path(recipe), **changes)
    torch.manual_seed(chosen.seed)
    dataset, config = prepare_data(data, chosen)
    if resume:
        model = start_model(config, pretrained=False)  # everything comes from the checkpoint
        go_on(out, dataset, config, chosen)
    else:
        sources = Sources(Path(data), _path(trunk_weights), _path(weights))
        model = start_model(config, chosen.pretrained, sources.trunk_weights, sources.weights)
        begin(out, sources, dataset, config, chosen, model, repeated)
    write_json(out / RECIPE, chosen.to_json())
    run_stage(model, dataset, config, chosen, out, resume, trackers)
    folder = finish(out / MODEL)
    illustrate(out, folder, out / LOG, dataset.splits.get(chosen.val_split, ()))
    return folder


def recipe_of(out: Path, **changes: Any) -> Recipe:
    """The recipe with which a run was started. Raises FullconvError where `changes` would alter it."""
    if not (out / RECIPE).is_file():
        raise FullconvError(f"{out}: no run there; --resume and --from take the folder of an earlier run")
    recipe = from_values(json.loads((out / RECIPE).read_text()))
    for key, value in changes.items():
        if value is not None and value != getattr(recipe, key):
            raise FullconvError(f"{out}: was started with {key} {getattr(recipe, key)}, and its recipe is kept")
    return recipe


def _path(value: str | Path | None) -> Path | None:
    return Path(value) if value else None


def finish(folder: Path) -> Path:
    """Writes the model card and, where the exporter is installed, the graph for prediction without torch."""
    text = card(read_config(folder))
    write_whole(folder / CARD, lambda hidden: hidden.write_text(text, encoding="utf-8"))
    if find_spec("onnxscript"):
        export_onnx(folder)
    else:
        print(f"{folder} predicts with torch; to do without: pip install 'fullconv[export]', fullconv export {folder}")
    return folder


def run_stage(
    model: Network,
    dataset: Dataset,
    config: ModelConfig,
    recipe: Recipe,
    out: Path,
    resume: bool,
    trackers: Sequence[str] = (),
) -> None:
    """Epoch after epoch: train, average, evaluate, write; each leaves a state from which the next can start."""
    samples, val = dataset.split(recipe.train_split), dataset.splits.get(recipe.val_split, ())
    accelerator = new_accelerator(recipe.precision)
    model.to(accelerator.device)
    average = moving_average(model, recipe.ema)
    optimiser = build_optimiser(model, recipe)
    factors = sample_factors(samples, len(config.classes), recipe.balance)
    steps = -(-epoch_length(factors) // recipe.batch_size)
    schedule = build_schedule(optimiser, recipe, steps * recipe.epochs)
    parts = {"model": model, "average": average, "optimiser": optimiser, "schedule": schedule}
    history = restore(out / STATE, parts) if resume else []
    prepared, optimiser, schedule = accelerator.prepare(model, optimiser, schedule)
    if recipe.compile:
        torch.compiler.reset()  # what an earlier run of this process compiled may be for crops of another size
    stepped = cast(nn.Module, torch.compile(prepared)) if recipe.compile else prepared
    loss = partial(segmentation_loss, void=config.classes.void, dice=recipe.dice, lovasz=recipe.lovasz)
    loop = (stepped, average, loss, optimiser, schedule, accelerator)
    trained = cast(Network, average.module) if average else model

    with Report(recipe.epochs, steps, out / LOG, history) as report, Trackers(trackers, out, recipe, history) as told:
        for epoch in range(len(history), recipe.epochs):
            batches = told_plainly(accelerator.prepare(load_epoch(samples, recipe, epoch, factors)))
            entry = {"epoch": epoch + 1, "loss": train_epoch(*loop, batches, recipe.clip, report.advance)}
            entry["lr"] = max(schedule.get_last_lr())
            if val and is_evaluated(epoch + 1, recipe):
                entry |= keep_if_best(trained, val, config, out / MODEL, [*history, entry])
            elif not val:
                checkpoint.save_model(out / MODEL, trained, config)
            history.append(entry)
            save_parts(out / STATE, parts, history)
            report.end_epoch(entry)
            told.log(entry)


def moving_average(model: Network, decay: float) -> AveragedModel | None:
    """The exponential average of the parameters over the steps, which scores better than the last of them.

    It reaches back over a tenth of the steps so far, at most 1 / (1 - decay): a short run is not held at its start.
    """
    rule: Any = get_ema_multi_avg_fn  # torch leaves it untyped

    def update(averaged: Any, current: Any, steps: Any) -> None:
        rule(min(decay, (1 + int(steps)) / (10 + int(steps))))(averaged, current, steps)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True) if decay else None


def is_evaluated(epoch: int, recipe: Recipe) -> bool:
    return epoch % recipe.evaluate_every == 0 or epoch == recipe.epochs


def sample_factors(samples: Sequence[Sample], num_classes: int, balance: float) -> Tensor:
    """How often an epoch shows each picture."""
    return repeat_factors(presence(samples, num_classes), balance) if balance else torch.ones(len(samples))


def load_epoch(samples: Sequence[Sample], recipe: Recipe, epoch: int, factors: Tensor) -> DataLoader[Batch]:
    workers = recipe.workers if recipe.workers is not None else max(1, min(8, (os.cpu_count() or 1) - 1))
    return DataLoader(Epoch(samples, recipe, epoch, factors), recipe.batch_size, num_workers=workers)


def told_plainly(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches; an error in a worker comes wrapped in its traceback, of which the last line is for the user."""
    try:
        yield from batches
    except FullconvError as error:
        last = str(error).strip().splitlines()[-1]
        raise FullconvError(last.removeprefix(f"{FullconvError.__module__}.{FullconvError.__name__}: ")) from None


def keep_if_best(
    model: Network, val: Sequence[Sample], config: ModelConfig, folder: Path, history: list[dict[str, Any]]
) -> dict[str, Any]:
    """Scores the model on `val`, writes it to `folder` where it is the best in `history`, and gives its numbers."""
    numbers = evaluate_network(model, val, config.classes)
    mean_iou = numbers["mean_iou"] or 0.0
    if mean_iou >= max(entry.get("mean_iou", 0.0) for entry in history):
        provenance = {**config.provenance, "epoch": history[-1]["epoch"]}
        checkpoint.save_model(folder, model, replace(config, metrics={"val": numbers}, provenance=provenance))
    return {"mean_iou": mean_iou, "boundary_iou": numbers["boundary_iou"], "pixel_accuracy": numbers["pixel_accuracy"]}


def evaluate_network(model: Network, samples: Sequence[Sample], classes: Classes) -> dict[str, Any]:
    """The report of metrics.py for a torch network, every image at its own size."""
    model.eval()
    return evaluate(partial(predict_one, model), samples, classes).report()


@torch.inference_mode()
def predict_one(model: Network, image: ImageArray) -> LabelMap:
    """HxWx3 uint8 → HxW class indices."""
    device = next(model.parameters()).device
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(device)
    return model.label_map(model(tensor))[0].cpu().numpy()


def new_accelerator(precision: str) -> Accelerator:
    """Accelerate keeps the precision of a process's first run for all that follow; each run here has its own."""
    AcceleratorState._reset_state()
    return Accelerator(mixed_precision=mixed_precision(precision))


def mixed_precision(precision: str) -> str:
    """`auto` is bf16 where there are matrix units for it (AMX, a GPU), else float32, which is faster there."""
    if precision == "auto":
        if torch.cuda.is_available():
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return "bf16" if torch.cpu._is_amx_tile_supported() else "no"
    return {"fp32": "no"}.get(precision, precision)


def save_parts(path: Path, parts: dict[str, Any], history: list[dict[str, Any]]) -> None:
    state = {name: part.state_dict() for name, part in parts.items() if part is not None}
    checkpoint.save_state(path, {**state, "history": history})


def restore(path: Path, parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Puts every part back as it was and gives the history of epochs done."""
    state = checkpoint.load_state(path)
    for name, part in parts.items():
        if part is not None:
            part.load_state_dict(state[name])
    history: list[dict[str, Any]] = state["history"]
    return history
