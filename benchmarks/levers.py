"""What each choice of the recipe of `animals` is worth: short runs that differ in one thing, printed as a table.

usage: python benchmarks/levers.py DATA --trunk-weights FILE [--out runs/levers] [--epochs 3]

Each run is a whole training with its own schedule. A run that is there already is read, not repeated; "base" is run
with two seeds, so that the table shows what chance alone does.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from fullconv.training.stages import train

RECIPE = Path(__file__).parent.parent / "recipes" / "animals.yaml"
LEVERS: dict[str, dict[str, Any]] = {
    "base": {},
    "base, another seed": {"seed": 1},
    "no Dice": {"dice": 0.0},
    "Lovász for Dice": {"dice": 0.0, "lovasz": 0.5},
    "stride 8": {"arch": "fcn8s"},
    "one 1x1 score layer": {"score_hidden": 0},
    "crops of 384, half the batch": {"crop_size": 384, "batch_size": 8},
    "learned deconvolution": {"learned_upsampling": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trunk-weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/levers"))
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    print(f"{'':<30}{'mean IoU':>9}{'boundary IoU':>14}{'minutes':>9}")
    for name, change in LEVERS.items():
        row = measured(options, options.out / name.replace(" ", "-").replace(",", ""), change)
        print(f"{name:<30}{row['mean_iou']:9.3f}{row['boundary_iou']:14.3f}{row['minutes']:9.1f}", flush=True)


def measured(options: argparse.Namespace, out: Path, change: dict[str, Any]) -> dict[str, float]:
    """The last epoch's numbers of one run, and its minutes; kept in out/row.json."""
    kept = out / "row.json"
    if not kept.exists():
        start = time.perf_counter()
        changes = {"epochs": options.epochs, "evaluate_every": options.epochs, **change}
        train(options.data, out, RECIPE, options.trunk_weights, resume=(out / "last.pt").exists(), **changes)
        last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
        minutes = (time.perf_counter() - start) / 60
        kept.write_text(json.dumps({**last, "minutes": minutes}))
    row: dict[str, float] = json.loads(kept.read_text())
    return row


if __name__ == "__main__":
    main()
