"""What a teacher is worth: the same short run with labels alone, with a teacher, and with unlabelled photos as well.

usage: python benchmarks/teacher_worth.py DATA.yaml --teacher SCORES [--steps 300] [--seeds 0 1]
           [--merge-to background,cat,dog] [--out runs/teacher-worth]

DATA.yaml lists unlabelled pictures; a copy without them serves the first two rows. Every run starts from ImageNet
weights of the trunk and random parameters elsewhere, and has the same number of steps, the same recipe and schedule.
A run that is there is read, not repeated. Scores are those of val, over all classes and over those of --merge-to.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean

import yaml

from fullconv.training.train import train

RECIPE = {
    "arch": "fcn4s", "trunk": "tf_efficientnet_lite0", "pretrained": True, "crop_size": 256, "batch_size": 8,
    "lr": 4e-3, "trunk_lr_factor": 0.25, "weight_decay": 0.02, "scale": (0.6, 1.6), "sharpness": 0.4, "noise": 0.15,
    "jpeg": 0.4, "coarse_loss": True, "ema": 0.99, "epochs": 1,
}  # fmt: skip
ROWS = {"labels": (False, False), "and a teacher": (True, False), "and unlabelled photos": (True, True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--teacher", type=Path, required=True, help="a folder of scores of all these pictures")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--merge-to", default="")
    parser.add_argument("--out", type=Path, default=Path("runs/teacher-worth"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ROWS}
    for seed in options.seeds:
        for name in ROWS:
            found[name].append(scored(name, seed, options))
            all_classes, merged = found[name][-1]
            print(f"{name:<24}seed {seed}   {all_classes:.3f}   {merged:.3f}", flush=True)
    for name, scores in found.items():
        print(f"{name:<24}mean     {mean(s[0] for s in scores):.3f}   {mean(s[1] for s in scores):.3f}")


def scored(name: str, seed: int, options: argparse.Namespace) -> tuple[float, float]:
    """(mean IoU over all classes, over the merged ones) of one run."""
    has_teacher, has_unlabelled = ROWS[name]
    folder = options.out / f"{name.replace(' ', '-')}-{seed}"
    data = options.data if has_unlabelled else without_unlabelled(options.data)
    if not (folder / "report.html").is_file():
        repeat = repeat_for(options.steps, data, has_unlabelled)
        values = {**RECIPE, "seed": seed, "repeat": repeat, "name": folder.name}
        teacher = options.teacher if has_teacher else None
        train(data, folder, teacher=teacher, resume=(folder / "last.pt").exists(), **values)
    return mean_iou(folder, data, ""), mean_iou(folder, data, options.merge_to)


def repeat_for(steps: int, data: Path, has_unlabelled: bool) -> float:
    """How often an epoch shows each labelled picture where it has so many steps, half of them of unlabelled ones."""
    from fullconv.data.description import open_dataset

    shown = steps * int(str(RECIPE["batch_size"])) * (0.5 if has_unlabelled else 1)
    return shown / len(open_dataset(data).split("train"))


def without_unlabelled(data: Path) -> Path:
    """The same description beside it, but for its unlabelled pictures."""
    values = yaml.safe_load(data.read_text())
    values.pop("unlabelled")
    copy = data.with_name(f"{data.stem}-labelled.yaml")
    copy.write_text(yaml.safe_dump(values, sort_keys=False))
    return copy


def mean_iou(folder: Path, data: Path, merge_to: str) -> float:
    command = [sys.executable, "-m", "fullconv", "evaluate", data, "--model", folder, "--json", "-", "--quiet"]
    merging = ["--merge-to", merge_to] if merge_to else []
    done = subprocess.run([*map(str, command), *merging], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["mean_iou"])


if __name__ == "__main__":
    main()
