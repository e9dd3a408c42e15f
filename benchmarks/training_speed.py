"""Images a second of the training step of `photos` on a CPU, beside the plain loop of others; the wait for data.

usage: python benchmarks/training_speed.py [--batch-size 16] [--crop-size 256] [--data voc-animals]

The plain loop is that of torchvision's references/segmentation: float32, memory laid out as it comes, eager, SGD, mean
cross-entropy; on the same network and batch. With --data, real crops are read by worker processes meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from fullconv.data.description import describe
from fullconv.training.batches import load_epoch
from fullconv.training.epoch import Pictures
from fullconv.training.loop import train_step
from fullconv.training.losses import SegmentationLoss
from fullconv.training.objective import MicroBatch, Objective
from fullconv.training.optimisation import build_optimiser, build_schedule
from fullconv.training.pictures import Skipped, training_pictures
from fullconv.training.processes import mixed_precision, new_accelerator
from fullconv.training.recipe import Recipe
from fullconv.training.sampling import Sampling
from fullconv.weights.checkpoint import build
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model

STEPS, WARM_UP = 5, 2
MODES = {  # precision, whether it is compiled, whether labels meet the scores before these are enlarged
    "float32, eager": ("fp32", False, False), "bf16, eager": ("bf16", False, False),
    "float32, compiled": ("fp32", True, False), "bf16, compiled": ("bf16", True, False),
    "float32, coarse loss": ("fp32", False, True), "bf16, coarse loss": ("bf16", False, True),
}  # fmt: skip
Step = Callable[[MicroBatch], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--crop-size", type=int, default=256)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    recipe = Recipe(batch_size=options.batch_size, crop_size=options.crop_size)
    plain = images_per_second(plain_step(), recipe)
    print(f"{'the plain loop':<20}{plain:6.1f} images/s  {1.0:5.2f} times the first")
    for name, mode in MODES.items():
        speed = images_per_second(our_step(recipe, *mode), recipe)
        print(f"{name:<20}{speed:6.1f} images/s  {speed / plain:5.2f} times the first", flush=True)
    print(f"precision auto is {mixed_precision('auto')} here")
    if options.data:
        print(f"{options.data.name}: {waiting(options.data, recipe):.1%} of the time is spent waiting for pictures")


def plain_step() -> Step:
    model = build(read_config(find_model("photos"))).train()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)

    def step(batch: MicroBatch) -> None:
        images, labels, _ = batch
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels, ignore_index=255).backward()
        optimiser.step()

    return step


def our_step(recipe: Recipe, precision: str, compiled: bool, coarse: bool = False) -> Step:
    torch._dynamo.reset()
    accelerator = new_accelerator(precision)
    model = build(read_config(find_model("photos"))).to(memory_format=torch.channels_last).train()
    optimiser = build_optimiser(model, recipe)
    schedule = build_schedule(optimiser, recipe, 1000)
    objective = Objective(SegmentationLoss(dice=recipe.dice), stride=model.architecture.stride if coarse else 1)
    network = torch.compile(model) if compiled else model
    return lambda batch: train_step(network, objective, [batch], optimiser, schedule, accelerator, recipe.clip)


def images_per_second(step: Step, recipe: Recipe) -> float:
    size, count = recipe.crop_size, recipe.batch_size
    images = torch.randint(0, 255, (count, 3, size, size), dtype=torch.uint8)
    batch = MicroBatch(images, torch.randint(0, 21, (count, size, size)))
    for number in range(WARM_UP + STEPS):
        if number == WARM_UP:
            start = time.perf_counter()
        step(batch)
    return STEPS * count / (time.perf_counter() - start)


def waiting(data: Path, recipe: Recipe) -> float:
    """The share of the time, once warm, in which the step stands still because no batch is there."""
    config = read_config(find_model("photos"))
    samples = describe(data).dataset.mapped_to(config.classes, config.label_mapping).split("train")
    step = our_step(recipe, "auto", compiled=False)
    seen = training_pictures(samples, config, Skipped(Path("runs/skipped.jsonl")))
    pictures = Pictures(seen, Sampling(torch.ones(len(samples))))
    batches, waited = load_epoch(pictures, recipe, 0, torch.device("cpu")), 0.0
    for number in range(WARM_UP + 2 * STEPS):
        if number == WARM_UP:
            start, waited = time.perf_counter(), 0.0
        asked = time.perf_counter()
        (batch,) = next(batches)
        waited += time.perf_counter() - asked
        step(batch)
    return waited / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
