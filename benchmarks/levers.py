"""What each choice is worth: short runs from one model's parameters that differ in one thing, printed as a table.

usage: python benchmarks/levers.py DATA [--start photos] [--recipe recipes/levers.yaml] [--out runs/levers]
           [--epochs 1] [--only TEXT …]

Every run starts from whatever parameters of the model at --start fit it, its trunk above all, and has a whole schedule
of its own. The first five are the ladder of `fullconv explain ladder`: no decoder, then skips down to stride 32, 16, 8
and 4. A run that is there already is read, not repeated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fullconv.models.build import build
from fullconv.models.config import parse_arch
from fullconv.training.train import train
from fullconv.weights.checkpoint import save_model
from fullconv.weights.model_files import PARAMETERS, read_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.tensors import read_tensors
from fullconv.weights.transplant import transplant

RECIPE = Path(__file__).parent.parent / "recipes" / "levers.yaml"
BASE = {"arch": "fcn4s", "evaluate_every": 1}
LEVERS: dict[str, dict[str, Any]] = {
    "encoder-only": {"arch": "encoder-only"},
    "fcn32s": {"arch": "fcn32s"},
    "fcn16s": {"arch": "fcn16s"},
    "fcn8s": {"arch": "fcn8s"},
    "fcn4s": {},
    "fcn4s, one 1x1 score layer": {"score_hidden": 0},
    "fcn4s, crops of 384, half the batch": {"crop_size": 384, "batch_size": 4},
    "fcn4s, Lovász for Dice": {"dice": 0.0, "lovasz": 0.5},
    "fcn4s, every picture resampled": {"unscaled": 0.0},
    "fcn4s, copy_paste 0.3": {"copy_paste": 0.3},
    "fcn4s, rare classes, balance 0.3": {"balance": 0.3},
    "fcn4s, crops on objects, focused 0.3": {"focused": 0.3},
    "fcn4s, another seed": {"seed": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--start", default="photos", help="a bundled model or a model folder")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--out", type=Path, default=Path("runs/levers"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT", help="run the rows whose name holds one of these"
    )
    options = parser.parse_args()
    print(f"{'':<37}{'mean IoU':>9}{'boundary IoU':>14}")
    for name, change in LEVERS.items():
        if not any(text in name for text in options.only):
            continue
        folder = options.out / name.replace(" ", "-").replace(",", "")
        values = {**BASE, "trunk": trunk_of(options.start), "name": name, "epochs": options.epochs, **change}
        if not (folder / "model" / "model.onnx").exists():
            start = starting_model(options.start, values, options.out / "start" / folder.name)
            train(options.data, folder, options.recipe, weights=start, resume=(folder / "last.pt").exists(), **values)
        row = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
        print(f"{name:<37}{row['mean_iou']:9.3f}{row['boundary_iou']:14.3f}", flush=True)


def trunk_of(model: str) -> str:
    return read_config(find_model(model)).architecture.trunk


def starting_model(start: str, values: dict[str, Any], folder: Path) -> Path:
    """A model folder of the wanted architecture with whatever the model `start` has for it."""
    config = read_config(find_model(start))
    hidden = values.get("score_hidden", config.architecture.score_hidden)
    architecture = replace(config.architecture, **parse_arch(values["arch"]), score_hidden=hidden)
    net, source = build(replace(config, architecture=architecture)), read_tensors(find_model(start) / PARAMETERS)
    wanted = net.state_dict()
    fitting = {name: value for name, value in source.items() if name in wanted and value.shape == wanted[name].shape}
    print(f"{values['name']}: {transplant(fitting, net, may_stay_initialised=wanted.keys() - fitting.keys())}")
    save_model(folder, net, replace(config, name=values["name"], architecture=architecture))
    return folder


if __name__ == "__main__":
    main()
