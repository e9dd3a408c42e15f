"""Scores a network during training: every picture as in prediction, divided between the processes, in one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from fullconv.data.dataset import Sample
from fullconv.evaluation.scoring import score_pictures
from fullconv.metrics import Confusion
from fullconv.models.border import spare_border
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.prediction import memory
from fullconv.prediction.engines.contract import BYTES_A_PIXEL, Images
from fullconv.prediction.predictor import Model
from fullconv.training.epoch_log import Epoch, ValScores, mean_ious
from fullconv.training.pictures import Skipped
from fullconv.training.processes import is_shared, main_first, rank_and_count
from fullconv.weights import checkpoint

CHANCE = 0.03  # how much a picture's mean IoU changes by chance between two evaluations of a run: a standard deviation


def keep_if_good(
    model: Network,
    val: Sequence[Sample],
    config: ModelConfig,
    folder: Path,
    history: list[Epoch],
    skipped: Skipped,
) -> ValScores:
    """Scores the model on `val` and returns its numbers. Writes it to `folder` if it is as good as the best so far."""
    numbers = evaluate_network(model, val, config, skipped)
    mean_iou = numbers["mean_iou"] or 0.0
    if is_as_good(mean_iou, mean_ious(history), len(val)):
        provenance = {**config.provenance, "epoch": history[-1]["epoch"]}
        with main_first() as is_main:
            if is_main:
                checkpoint.save_model(folder, model, replace(config, metrics={"val": numbers}, provenance=provenance))
    found = {name: row["iou"] for name, row in numbers["per_class"].items() if row["pixels"]}
    return ValScores(
        mean_iou=mean_iou, boundary_iou=numbers["boundary_iou"], pixel_accuracy=numbers["pixel_accuracy"], iou=found
    )


def is_as_good(mean_iou: float, earlier: Sequence[float], pictures: int) -> bool:
    """Whether a mean IoU is below the best of `earlier` by no more than chance explains with so few pictures.

    The later of two such epochs is kept: it has seen more, at a lower learning rate.
    """
    return mean_iou >= max(earlier, default=0.0) - CHANCE / sqrt(max(pictures, 1))


def evaluate_network(
    model: Network, samples: Sequence[Sample], config: ModelConfig, skipped: Skipped
) -> dict[str, Any]:
    """Returns the report of metrics.py for a torch network. Counts are added up over all processes; each picture counts
    once."""
    rank, count = rank_and_count()
    scored = score_pictures(Model(config, StoredNetwork(model)), samples[rank::count])
    for path, error in scored.skipped.items():
        skipped.add(path, error)
    if is_shared():
        add_up(scored.confusion, next(model.parameters()).device)
    return scored.confusion.report()


def add_up(confusion: Confusion, device: torch.device) -> None:
    """Adds up the counts of all processes. They are integers, so this is exact."""
    for counts in (confusion.matrix, confusion.boundary):
        total = torch.from_numpy(counts).to(device)
        dist.all_reduce(total)
        counts[:] = total.cpu().numpy()


class StoredNetwork:
    """An engine: the network as its model folder will store it, with kernels in half precision, run in float32."""

    name, precision = "torch", "fp32"

    def __init__(self, model: Network) -> None:
        network = deepcopy(model).eval()
        for value in network.state_dict().values():
            value.copy_(checkpoint.stored(value))
        self.network, self.device = spare_border(network), next(model.parameters()).device

    @torch.inference_mode()
    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.network.labels(self._batch(images)).cpu().numpy()

    @torch.inference_mode()
    def scores(self, images: Images) -> NDArray[np.float32]:
        return self.network(self._batch(images)).float().cpu().numpy()

    def room(self, channels: int = 3, scores: bool = False) -> int:
        on_gpu = self.device.type == "cuda"
        free = torch.cuda.mem_get_info(self.device)[0] // memory.SHARE if on_gpu else memory.budget()
        return int(free / BYTES_A_PIXEL)

    def _batch(self, images: Images) -> Tensor:
        return torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)


def has_stalled(history: list[Epoch], patience: int) -> bool:
    """Whether the last `patience` evaluations gave no better mean IoU than those before. Never for 0."""
    scores = mean_ious(history)
    return 0 < patience < len(scores) and max(scores[-patience:]) <= max(scores[:-patience])
