"""A 21-class model trained on packed photos from a GPU's memory, beside a teacher, in a given time.

usage: python benchmarks/gpu/train.py PACK OUT --seconds 240 [--crop 416] [--batch 64] [--compile] [--seed 0]

PACK holds what prepare.sh made: part-*.zip and teacher/, and start/ where the model does not start from `photos`.
OUT/model receives config.json and model.safetensors (kernels in half precision), OUT/train.jsonl the log. The learning
rate follows the clock, so that a run ends in time whatever the speed of the card. Labelled pixels count by their
cross-entropy and Dice, every pixel by its divergence from the teacher's class probabilities, at a quarter of the size.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from changes import changed
from photos import Photos, crops, read_parts, repeat_factors, teach
from torch import Tensor, nn

from fullconv.models.fcn import FCN
from fullconv.training.losses import dice_loss
from fullconv.training.optimisation import build_optimiser
from fullconv.training.recipe import Recipe
from fullconv.weights.checkpoint import load_model, save_model
from fullconv.weights.model_folder import find_model

GROUP = 16  # crops that share a scale
SCALES, UNSCALED = (0.6, 1.6), 0.3


@dataclass(frozen=True)
class Settings:
    seconds: float
    crop: int = 416
    batch: int = 64
    labelled: int = 24  # crops of a batch that come from labelled photos
    lr: float = 2e-3
    trunk_lr_factor: float = 0.5
    weight_decay: float = 0.02
    warm_up: float = 0.04
    ema: float = 0.999
    dice: float = 0.5
    teacher: float = 1.0
    compile: bool = False
    seed: int = 0


class Scores(nn.Module):
    """(N, 3, H, W) → fused scores (N, classes, H/4, W/4), before they are enlarged to the picture's size."""

    def __init__(self, net: FCN) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net.score_coarsely(self.net.normalise(images))


def batch_of(photos: Photos, factors: Tensor, settings: Settings, random: torch.Generator) -> tuple[Tensor, ...]:
    """The labelled crops first; each group of GROUP has a scale of its own."""
    count = len(photos.labels)
    parts = [(0, count, settings.labelled), (count, len(factors), settings.batch - settings.labelled)]
    drawn = [
        torch.multinomial(factors[low:high], number, True, generator=random) + low
        for low, high, number in parts
        if high > low
    ]
    groups = []
    for index in torch.cat(drawn).split(GROUP):
        groups.append(crops(photos, index, settings.crop, scale_of(random), random))
    images, labels, scores, counts = (torch.cat(values) for values in zip(*groups, strict=True))
    return changed(images, random), labels, scores, counts


def scale_of(random: torch.Generator) -> float:
    low, high = map(math.log, SCALES)
    drawn, kept = torch.rand(2, generator=random, device=random.device).tolist()
    return 1.0 if kept < UNSCALED else math.exp(low + drawn * (high - low))


def loss_of(fused: Tensor, labels: Tensor, teacher: Tensor, counts: Tensor, settings: Settings) -> dict[str, Tensor]:
    """The parts of the loss; labels are at four times the size of the scores."""
    fused = fused.float()
    known = slice(0, settings.labelled)
    log_p = F.interpolate(fused[known], scale_factor=4, mode="bilinear").log_softmax(1)
    log_q = fused.log_softmax(1)
    target = teacher.log_softmax(1)
    apart = (target.exp() * (target - log_q)).sum(1)
    return {
        "labels": F.nll_loss(log_p, labels[known], ignore_index=255),
        "dice": settings.dice * dice_loss(log_p.exp(), labels[known], 255),
        "teacher": settings.teacher * (apart * counts).sum() / counts.sum(),
    }


def rate_at(progress: float, warm_up: float) -> float:
    """Up in a line, down in a cosine: 0–1 of the peak."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * min(1, (progress - warm_up) / (1 - warm_up)))


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Moves the average towards the network; counters are copied."""
    pairs = zip(average.state_dict().values(), net.state_dict().values(), strict=True)
    real = [(a, b) for a, b in pairs if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in real], [b for _, b in real], 1 - decay)


def train(
    net: FCN,
    photos: Photos,
    factors: Tensor,
    settings: Settings,
    begun: float,
    log: Path,
    keep: Callable[[FCN], object],
) -> FCN:
    """The moving average of the parameters after `seconds` from `begun`; `keep` gets it after two thirds, too."""
    device = photos.images.device
    on_gpu = device.type == "cuda"
    net = net.to(device, memory_format=torch.channels_last).train()
    average = deepcopy(net).eval()
    optimiser = build_optimiser(net, recipe_of(settings))
    peaks = [group["lr"] for group in optimiser.param_groups]
    model: Any = torch.compile(Scores(net)) if settings.compile else Scores(net)
    random = torch.Generator(device).manual_seed(settings.seed)
    first, step, told, kept = time.perf_counter(), 0, time.perf_counter(), False
    with log.open("w") as lines:
        while (now := time.perf_counter() - begun) < settings.seconds:
            progress = (now - (first - begun)) / (settings.seconds - (first - begun))
            if progress > 2 / 3 and not kept:
                keep(average)
                kept = True
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * rate_at(progress, settings.warm_up)
            images, labels, teacher, counts = batch_of(photos, factors, settings, random)
            with torch.autocast(device.type, torch.bfloat16) if on_gpu else nullcontext():
                fused = model(images.contiguous(memory_format=torch.channels_last))
            parts = loss_of(fused, labels, teacher, counts, settings)
            sum(parts.values()).backward()  # type: ignore[union-attr]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0, foreach=True)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            follow(average, net, min(settings.ema, (1 + step) / (10 + step)))
            if step % 50 == 0 or step in (1, 10):
                took, told = time.perf_counter() - told, time.perf_counter()
                values = {name: round(value.item(), 4) for name, value in parts.items()}
                entry = {"step": step, "seconds": round(now, 1), "since_last": round(took, 2), **values}
                lines.write(json.dumps(entry) + "\n")
                lines.flush()
                print(entry, flush=True)
    speed = step * settings.batch / (time.perf_counter() - first)
    print(f"{step} steps of {settings.batch} crops of {settings.crop}x{settings.crop}, {speed:.0f} crops/s", flush=True)
    return average


def recipe_of(settings: Settings) -> Recipe:
    return Recipe(
        lr=settings.lr, trunk_lr_factor=settings.trunk_lr_factor, weight_decay=settings.weight_decay
    )  # fmt: skip


def teacher_of(folder: Path, device: str) -> Any:
    """The teacher's network, from the files beside its weights."""
    spec = importlib.util.spec_from_file_location("tfl_torch", folder / "tfl_torch.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Net(folder / "deeplab_mnv2_voc.npz", clip=True, device=device)


def main() -> None:
    begun = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--crop", type=int, default=416)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--labelled", type=int, default=24)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--teacher-side", type=int, default=513, help="pixels; less only to try the script out")
    given = vars(parser.parse_args())
    pack, out, side = given.pop("pack"), given.pop("out"), given.pop("teacher_side")
    settings = Settings(**given)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(settings.seed)
    photos = read_parts(pack, device)
    print(f"{time.perf_counter() - begun:.1f} s: photos in memory", flush=True)
    teach(photos, teacher_of(pack / "teacher", device).low, side)
    factors = repeat_factors(photos)
    print(f"{time.perf_counter() - begun:.1f} s: the teacher has seen them", flush=True)
    torch.backends.cudnn.benchmark = True
    start = pack / "start"
    net, config = load_model(start if start.is_dir() else find_model("photos"))
    out.mkdir(parents=True, exist_ok=True)
    notes = {**vars(settings), "photos": len(photos.sizes), "labelled_photos": len(photos.labels)}
    config = replace(config, provenance={**config.provenance, "gpu_training": notes})
    keep = partial(save_model, out / "model", config=config)
    keep(train(net, photos, factors, settings, begun, out / "train.jsonl", keep))  # type: ignore[arg-type]
    print(f"{time.perf_counter() - begun:.1f} s: {out / 'model'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
