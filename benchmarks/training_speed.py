"""Images a second of the training step of `animals`, in the precisions and modes of a CPU.

usage: python benchmarks/training_speed.py [--batch-size 16] [--crop-size 256]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from fullconv.training.loop import train_step
from fullconv.training.losses import SegmentationLoss
from fullconv.training.optimisation import build_optimiser, build_schedule
from fullconv.training.processes import new_accelerator
from fullconv.training.recipe import read_recipe
from fullconv.weights.checkpoint import build
from fullconv.weights.folder import find_model, read_config

RECIPE = Path(__file__).parent.parent / "recipes" / "animals.yaml"
STEPS, WARM_UP = 6, 3
MODES = {
    "float32, eager": ("fp32", False),
    "bf16, eager": ("bf16", False),
    "float32, compiled": ("fp32", True),
    "bf16, compiled": ("bf16", True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--crop-size", type=int, default=256)
    options = parser.parse_args()
    speeds = {name: images_per_second(*mode, options.batch_size, options.crop_size) for name, mode in MODES.items()}
    first = next(iter(speeds.values()))
    for name, speed in speeds.items():
        print(f"{name:<20}{speed:6.1f} images/s  {speed / first:5.2f} times the first")


def images_per_second(precision: str, compiled: bool, batch_size: int, crop_size: int) -> float:
    torch._dynamo.reset()
    recipe = read_recipe(RECIPE)
    accelerator = new_accelerator(precision)
    model = build(read_config(find_model("animals"))).to(memory_format=torch.channels_last).train()
    optimiser = build_optimiser(model, recipe)
    schedule = build_schedule(optimiser, recipe, 1000)
    batch = torch.randint(0, 255, (batch_size, 3, crop_size, crop_size), dtype=torch.uint8)
    labels = torch.randint(0, 7, (batch_size, crop_size, crop_size))
    loss = SegmentationLoss(dice=recipe.dice)
    network = torch.compile(model) if compiled else model
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            start = time.perf_counter()
        train_step(network, loss, [(batch, labels)], optimiser, schedule, accelerator, recipe.clip)
    return STEPS * batch_size / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
