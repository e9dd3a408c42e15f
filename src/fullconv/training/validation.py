"""Scoring a network in training: every picture at its own size, each process its share, one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from fullconv.classes import Classes
from fullconv.data.dataset import LabelMap, Sample
from fullconv.images import ImageArray
from fullconv.metrics import Confusion, evaluate
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training.processes import is_shared, main_first, rank_and_count
from fullconv.weights import checkpoint


def keep_if_best(
    model: Network, val: Sequence[Sample], config: ModelConfig, folder: Path, history: list[dict[str, Any]]
) -> dict[str, Any]:
    """Scores the model on `val`, writes it to `folder` where it is the best in `history`, and gives its numbers."""
    numbers = evaluate_network(model, val, config.classes)
    mean_iou = numbers["mean_iou"] or 0.0
    if mean_iou >= max(entry.get("mean_iou", 0.0) for entry in history):
        provenance = {**config.provenance, "epoch": history[-1]["epoch"]}
        with main_first() as is_main:
            if is_main:
                checkpoint.save_model(folder, model, replace(config, metrics={"val": numbers}, provenance=provenance))
    return {"mean_iou": mean_iou, "boundary_iou": numbers["boundary_iou"], "pixel_accuracy": numbers["pixel_accuracy"]}


def evaluate_network(model: Network, samples: Sequence[Sample], classes: Classes) -> dict[str, Any]:
    """The report of metrics.py for a torch network; counts are added up over all processes, each picture once."""
    model.eval()
    rank, count = rank_and_count()
    confusion = evaluate(partial(predict_one, model), samples[rank::count], classes)
    if is_shared():
        add_up(confusion, next(model.parameters()).device)
    return confusion.report()


def add_up(confusion: Confusion, device: torch.device) -> None:
    """Makes the counts those of all processes: integers, so nothing is lost."""
    for counts in (confusion.matrix, confusion.boundary):
        total = torch.from_numpy(counts).to(device)
        dist.all_reduce(total)
        counts[:] = total.cpu().numpy()


@torch.inference_mode()
def predict_one(model: Network, image: ImageArray) -> LabelMap:
    """HxWx3 uint8 → HxW class indices."""
    device = next(model.parameters()).device
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(device)
    return model.label_map(model(tensor))[0].cpu().numpy()


def has_stalled(history: Sequence[dict[str, Any]], patience: int) -> bool:
    """Whether the last `patience` evaluations brought no better mean IoU than those before; never for 0."""
    scores = [entry["mean_iou"] for entry in history if "mean_iou" in entry]
    return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])
