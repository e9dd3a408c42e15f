"""Does it pay to train only the decoder at first? Runs of equal length whose encoder learns from a later step on.

usage: python benchmarks/frozen_encoder.py ../shared/data [--out FOLDER] [--only nuclei] [--steps 250] [--seeds 0 1]

Each set (small_sets.py) is trained on as `fullconv train FOLDER` would, but for the number of steps, and scored on
pictures that no run sees. A frozen encoder has no gradients, so it takes no part in the steps and in clipping; its
batch norms go on measuring. A run that is there is read, not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import small_sets
import yaml
from small_data import scores_of
from torch import nn

import fullconv
from fullconv.evaluation.scoring import evaluate
from fullconv.training import loop
from fullconv.training.length import EVALUATIONS

SHARES = {"never": 0.0, "first tenth": 0.1, "first third": 1 / 3, "always": 1.0}
START: dict[str, dict[str, Any]] = {"photos": {"trunk": "tf_efficientnet_lite0", "trunk_weights": "imagenet"}}
BATCH = 4  # pictures per step, as these sets get by themselves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/frozen-encoder"))
    parser.add_argument("--only", action="append", choices=list(small_sets.SETS))
    parser.add_argument("--share", action="append", choices=list(SHARES), help="may be given several times")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    given = parser.parse_args()
    for name in given.only or small_sets.SETS:
        place = given.out / "sets" / name
        if not place.is_dir():
            small_sets.make(name, given.data, given.out / "sets")
        for share in given.share or SHARES:
            scores = [measured(name, share, seed, place, given) for seed in given.seeds]
            each = " ".join(f"{score['mean_iou']:.3f}" for score in scores)
            print(f"{name:<12}{share:<14}{mean(score['mean_iou'] for score in scores):.3f}   ({each})", flush=True)


def measured(name: str, share: str, seed: int, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    run = given.out / f"{name}-{share.replace(' ', '-')}-{seed}"
    kept = run / "score.json"
    if not kept.is_file():
        train(run, place / "bare", SHARES[share], seed, given.steps, START.get(name, {}))
        described = place / "unseen" / "data.yaml"
        names = yaml.safe_load((run / "data.yaml").read_text())["names"]
        described.write_text(yaml.safe_dump({"path": ".", "names": names}))
        kept.write_text(json.dumps(evaluate(fullconv.load(run / "model"), described, thin=True)))
    return scores_of(json.loads(kept.read_text()))


def train(run: Path, bare: Path, share: float, seed: int, steps: int, start: dict[str, Any]) -> None:
    pictures = len(list((bare / "images").iterdir())) * 0.8  # a fifth is held back
    length: dict[str, Any] = {
        "epochs": EVALUATIONS,
        "evaluate_every": 4,
        "repeat": steps / EVALUATIONS * BATCH / pictures,
    }
    usual = loop.train_step
    loop.train_step = freezing(usual, round(share * steps))
    try:
        fullconv.train(bare, run, batch_size=BATCH, seed=seed, track="none", **length, **start)
    finally:
        loop.train_step = usual


def freezing(step: Callable[..., float], frozen: int) -> Callable[..., float]:
    """A step that leaves the encoder as it is for the first `frozen` calls."""
    calls = 0

    def freezing_step(model: nn.Module, *rest: Any) -> float:
        nonlocal calls
        calls += 1
        for name, parameter in model.named_parameters():
            if name.startswith("trunk"):
                parameter.requires_grad_(calls > frozen)
        return step(model, *rest)

    return freezing_step


if __name__ == "__main__":
    main()
