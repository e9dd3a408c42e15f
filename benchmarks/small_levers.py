"""What each kind of augmentation buys on small sets: runs of equal length that differ in one recipe key.

usage: python benchmarks/small_levers.py ../shared/data [--out FOLDER] [--only nuclei] [--steps 400] [--seeds 0]

Each set (small_sets.py) is trained on as `fullconv train FOLDER` would, but for the number of steps, and scored on
pictures that no run sees. A run that is there is read, not repeated. `flips` averages a run's scores with those of the
mirrored picture and needs no run of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import small_sets
import yaml
from small_data import OPTIONS, scores_of

from fullconv.training.length import EVALUATIONS

LEVERS: dict[str, dict[str, Any]] = {
    "neither": {},
    "turn 0.75": {"turn": 0.75},
    "elastic 0.5": {"elastic": 0.5},
    "focused 0.5": {"focused": 0.5},
    "copy_paste 0.3": {"copy_paste": 0.3},
    "sharpness, noise, jpeg": {"sharpness": 0.4, "noise": 0.2, "jpeg": 0.4},
    "colour 0.6": {"colour": 0.6},
    "scale 0.4 to 2.5": {"scale": [0.4, 2.5]},
}
FLIPS = "neither, flips"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/small-levers"))
    parser.add_argument("--only", action="append", choices=list(small_sets.SETS))
    parser.add_argument("--lever", action="append", choices=[*LEVERS, FLIPS], help="may be given several times")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = parser.parse_args()
    for name in given.only or small_sets.SETS:
        place = given.out / "sets" / name
        if not place.is_dir():
            small_sets.make(name, given.data, given.out / "sets")
        print(f"{name:<26}{'mean IoU':>10}{'F1, 2 px':>10}", flush=True)
        for lever in given.lever or (*LEVERS, FLIPS):
            rows = [measured(name, lever, seed, place, given) for seed in given.seeds]
            print(
                f"{lever:<26}{mean(r['mean_iou'] for r in rows):>10.3f}{mean(r['f1'] for r in rows):>10.3f}", flush=True
            )


def measured(name: str, lever: str, seed: int, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    run = given.out / f"{name}-{lever.removesuffix(', flips')}-{seed}".replace(" ", "-").replace(",", "")
    kept = run / ("flips.json" if lever == FLIPS else "score.json")
    if not (run / "report.html").is_file():
        train(run, place / "bare", {"turn": 0.0, **LEVERS[lever], "seed": seed}, given.steps, OPTIONS.get(name, []))
    if not kept.is_file():
        described = place / "unseen" / "data.yaml"
        names = yaml.safe_load((run / "data.yaml").read_text())["names"]
        described.write_text(yaml.safe_dump({"path": ".", "names": names}))
        flips = ["--tta"] if lever == FLIPS else []
        kept.write_text(fullconv("evaluate", described, "--model", run / "model", "--thin", "--json", "-", *flips))
    return scores_of(json.loads(kept.read_text()))


def train(run: Path, bare: Path, keys: dict[str, Any], steps: int, options: list[str]) -> None:
    """Batches of 4, as these sets get by themselves."""
    pictures = len(list((bare / "images").iterdir())) * 0.8  # a fifth is held back
    run.parent.mkdir(parents=True, exist_ok=True)
    recipe = run.with_suffix(".yaml")
    length = {"epochs": EVALUATIONS, "evaluate_every": 4, "repeat": steps / EVALUATIONS * 4 / pictures, "batch_size": 4}
    recipe.write_text(yaml.safe_dump({**length, **keys}))
    fullconv("train", bare, "--out", run, "--recipe", recipe, "--track", "none", *options)


def fullconv(*arguments: object) -> str:
    command = [sys.executable, "-m", "fullconv", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
