"""The nets of the ladder (`fullconv explain ladder`): no decoder, then skips down to stride 32, 16, 8 and 4.

usage: python benchmarks/ladder_models.py DATA [--out runs/ladder] [--epochs 1]

All start from the parameters of `animals` that they share with it, its trunk above all, and then see every picture
equally often under one schedule, so that they differ in the decoder alone.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from fullconv.models.build import build
from fullconv.models.config import parse_arch
from fullconv.training.stages import train
from fullconv.weights.checkpoint import save_model
from fullconv.weights.folder import PARAMETERS, find_model, read_config
from fullconv.weights.tensors import read_tensors
from fullconv.weights.transplant import transplant

RECIPE = Path(__file__).parent.parent / "recipes" / "animals.yaml"
ARCHS = ("encoder-only", "fcn32s", "fcn16s", "fcn8s", "fcn4s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    for arch in ARCHS:
        out = options.out / arch
        if not (out / "model" / "model.onnx").exists():
            start = starting_model(arch, options.out / "start" / arch)
            changes = {"arch": arch, "name": arch, "epochs": options.epochs, "evaluate_every": 1, "lr": 3e-4}
            train(options.data, out, RECIPE, weights=start, **changes)


def starting_model(arch: str, folder: Path) -> Path:
    """A model folder of `arch` with whatever `animals` has for it."""
    config = read_config(find_model("animals"))
    config = replace(config, name=arch, architecture=replace(config.architecture, **parse_arch(arch)))
    net, source = build(config), read_tensors(find_model("animals") / PARAMETERS)
    wanted = net.state_dict()
    fitting = {name: value for name, value in source.items() if name in wanted and value.shape == wanted[name].shape}
    print(f"{arch}: {transplant(fitting, net, may_stay_initialised=wanted.keys() - fitting.keys())}")
    save_model(folder, net, config)
    return folder


if __name__ == "__main__":
    main()
