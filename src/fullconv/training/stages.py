"""A training run from data to model folder: build, train epoch by epoch, keep what scores best on val."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset, LabelMap, Sample
from fullconv.data.description import describe
from fullconv.errors import FullconvError
from fullconv.export import export_onnx
from fullconv.files import write_json
from fullconv.images import ImageArray
from fullconv.metrics import evaluate
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, parse_arch
from fullconv.models.fcn import FCN
from fullconv.models.trunks import normalisation_of
from fullconv.training.loop import Batch, train_epoch
from fullconv.training.losses import segmentation_loss
from fullconv.training.optimisation import build_optimiser, build_schedule
from fullconv.training.recipe import Recipe, read_recipe
from fullconv.training.report import Report
from fullconv.training.transforms import Epoch
from fullconv.weights import checkpoint
from fullconv.weights.pretrained import load_trunk_weights

RECIPE, STATE, LOG, MODEL = "recipe.json", "last.pt", "log.jsonl", "model"


def train(
    data: str | Path,
    out: str | Path = "runs/train",
    recipe: str | Path | None = None,
    trunk_weights: str | Path | None = None,
    resume: bool = False,
    **changes: Any,
) -> Path:
    """Trains on DATA and gives the model folder out/model: the epoch that scored best on the validation split.

    `recipe` is a YAML file and `changes` are keys of a recipe (arch="fcn8s", epochs=20, ...), which override it.
    `resume` goes on from out/last.pt. Without `trunk_weights` the trunk's ImageNet weights come from timm's hub.
    """
    out, chosen = Path(out), read_recipe(Path(recipe) if recipe else None, **changes)
    if (out / STATE).exists() and not resume:
        raise FullconvError(f"{out}: holds a run already; choose another --out, or go on with --resume {out}")
    torch.manual_seed(chosen.seed)
    dataset, config = prepare_data(data, chosen)
    if resume:
        model = start_model(config, None, pretrained=False)  # everything comes from the checkpoint
    else:
        model = start_model(config, Path(trunk_weights) if trunk_weights else None, chosen.pretrained)
    write_json(out / RECIPE, {"data": str(data), **chosen.to_json()})
    run_stage(model, dataset, config, chosen, out, resume)
    return finish(out / MODEL)


def finish(folder: Path) -> Path:
    """Makes a trained folder ready for prediction without torch, where the exporter is installed."""
    if find_spec("onnxscript"):
        export_onnx(folder)
    else:
        print(
            f"{folder} predicts with torch; for more speed: pip install 'fullconv[export]' && fullconv export {folder}"
        )
    return folder


def prepare_data(data: str | Path, recipe: Recipe) -> tuple[Dataset, ModelConfig]:
    """The data in the recipe's classes, and the config of the model to be trained on it."""
    described = describe(data)
    mapping = {**described.label_mapping, **recipe.label_mapping}
    names = recipe.classes or described.classes
    described = replace(described, classes=names, label_mapping=mapping)
    dataset = described.mapped()
    architecture = Architecture(recipe.trunk, parse_arch(recipe.arch), recipe.score_hidden, recipe.learned_upsampling)
    normalisation = NormalisationValues(*normalisation_of(recipe.trunk))
    config = ModelConfig(
        recipe.name, architecture, dataset.classes, normalisation, recipe.longest_side, mapping,
        provenance={"recipe": recipe.to_json()},
    )  # fmt: skip
    return dataset, config


def start_model(config: ModelConfig, trunk_weights: Path | None, pretrained: bool) -> FCN:
    """The network, its trunk with ImageNet weights where they are wanted: from a local file, else from timm's hub."""
    try:
        model = checkpoint.build(config, pretrained=pretrained and trunk_weights is None)
    except OSError:
        raise FullconvError(
            f"the ImageNet weights of {config.architecture.trunk} could not be fetched from the hub; "
            "go online for it, or give a file with --trunk-weights"
        ) from None
    if trunk_weights:
        print(f"trunk weights {trunk_weights.name}: {load_trunk_weights(model.trunk, trunk_weights)}")
    return model.to(memory_format=torch.channels_last)


def run_stage(model: FCN, dataset: Dataset, config: ModelConfig, recipe: Recipe, out: Path, resume: bool) -> None:
    """Epoch after epoch: train, average, evaluate, write; each leaves a state from which the next can start."""
    samples, val = dataset.split(recipe.train_split), dataset.splits.get(recipe.val_split, ())
    accelerator = Accelerator(mixed_precision=mixed_precision(recipe.precision))
    average = moving_average(model, recipe.ema)
    optimiser = build_optimiser(model, recipe)
    steps = -(-len(samples) // recipe.batch_size)
    schedule = build_schedule(optimiser, recipe, steps * recipe.epochs)
    parts = {"model": model, "average": average, "optimiser": optimiser, "schedule": schedule}
    history = restore(out / STATE, parts) if resume else []
    prepared, optimiser, schedule = accelerator.prepare(model, optimiser, schedule)
    stepped = cast(nn.Module, torch.compile(prepared)) if recipe.compile else prepared
    loss = partial(segmentation_loss, void=config.classes.void, dice=recipe.dice)
    loop = (stepped, average, loss, optimiser, schedule, accelerator)
    trained = cast(FCN, average.module) if average else model

    with Report(recipe.epochs, steps, out / LOG, history) as report:
        for epoch in range(len(history), recipe.epochs):
            batches = accelerator.prepare(load_epoch(samples, recipe, epoch))
            entry = {"epoch": epoch + 1, "loss": train_epoch(*loop, batches, recipe.clip, report.advance)}
            if val and is_evaluated(epoch + 1, recipe):
                entry |= keep_if_best(trained, val, config, out / MODEL, [*history, entry])
            elif not val:
                checkpoint.save_model(out / MODEL, trained, config)
            history.append(entry)
            save_parts(out / STATE, parts, history)
            report.end_epoch(entry)


def moving_average(model: FCN, decay: float) -> AveragedModel | None:
    """The exponential average of the parameters over the steps, which scores better than the last of them."""
    if not decay:
        return None
    rule: Any = get_ema_multi_avg_fn  # torch leaves it untyped
    return AveragedModel(model, multi_avg_fn=rule(decay), use_buffers=True)


def is_evaluated(epoch: int, recipe: Recipe) -> bool:
    return epoch % recipe.evaluate_every == 0 or epoch == recipe.epochs


def load_epoch(samples: Sequence[Sample], recipe: Recipe, epoch: int) -> Iterable[Batch]:
    return DataLoader(Epoch(samples, recipe, epoch), recipe.batch_size, num_workers=recipe.workers)


def keep_if_best(
    model: FCN, val: Sequence[Sample], config: ModelConfig, folder: Path, history: list[dict[str, Any]]
) -> dict[str, Any]:
    """Scores the model on `val`, writes it to `folder` where it is the best in `history`, and gives its numbers."""
    numbers = evaluate_network(model, val, config.classes)
    mean_iou = numbers["mean_iou"] or 0.0
    if mean_iou >= max(entry.get("mean_iou", 0.0) for entry in history):
        provenance = {**config.provenance, "epoch": history[-1]["epoch"]}
        checkpoint.save_model(folder, model, replace(config, metrics={"val": numbers}, provenance=provenance))
    return {"mean_iou": mean_iou, "boundary_iou": numbers["boundary_iou"], "pixel_accuracy": numbers["pixel_accuracy"]}


def evaluate_network(model: FCN, samples: Sequence[Sample], classes: Classes) -> dict[str, Any]:
    """The report of metrics.py for a torch network, every image at its own size."""
    model.eval()
    return evaluate(partial(predict_one, model), samples, classes).report()


@torch.inference_mode()
def predict_one(model: FCN, image: ImageArray) -> LabelMap:
    """HxWx3 uint8 → HxW class indices."""
    device = next(model.parameters()).device
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(device)
    return model(tensor)[0].argmax(0).to(torch.uint8).cpu().numpy()


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
