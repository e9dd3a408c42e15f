"""The ladder on a data set: one budget for encoder-only, FCN-32s, 16s, 8s, 4s, U-Net and both SegNets, as a table.

usage: python benchmarks/ladder.py camvid [--start photos] [--out runs/ladder] [--epochs 12] [--only fcn8s unet]
       python benchmarks/ladder.py voc --recipe recipes/ladder.yaml --teacher TEACHER --epochs 1

Every net sees the same crops in the same order, with the same optimiser, schedule and seed, and starts from whatever
parameters of the model at --start fit it: the trunk and scores of its strides. SegNets have encoders of their own, of
which nothing fits, and take by far the longest. A run that is there is read, not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from levers import starting_model, trunk_of

from fullconv.models.build import build
from fullconv.training.train import train
from fullconv.weights.model_files import read_config

RECIPE = Path(__file__).parent.parent / "recipes" / "camvid.yaml"
ARCHS = ("encoder-only", "fcn32s", "fcn16s", "fcn8s", "fcn4s", "unet", "segnet-basic", "segnet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--start", default="photos")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--teacher", help="a model, or a folder of its scores")
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--only", nargs="+", default=ARCHS, metavar="ARCH", help="the nets to run")
    options = parser.parse_args()
    print(f"{'':<14}{'parameters':>12}{'mean IoU':>10}{'boundary IoU':>14}{'minutes':>9}")
    for arch in options.only:
        print(row(arch, options), flush=True)


def row(arch: str, options: argparse.Namespace) -> str:
    folder, begin = options.out / arch, time.perf_counter()
    if not (folder / "model" / "model.onnx").exists():
        values = {"name": arch, "arch": arch, "epochs": options.epochs, "evaluate_every": options.epochs}
        values |= {"crop_size": 256, "batch_size": 8, "trunk": trunk_of(options.start)}
        start = starting_model(options.start, values, options.out / "start" / arch)
        train(options.data, folder, options.recipe, weights=start, teacher=options.teacher, **values)
        (folder / "minutes.txt").write_text(f"{(time.perf_counter() - begin) / 60:.1f}")
    entry = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    size = sum(p.numel() for p in build(read_config(folder / "model")).parameters()) / 1e6
    minutes = (folder / "minutes.txt").read_text()
    return f"{arch:<14}{size:>10.1f} M{entry['mean_iou']:>10.3f}{entry['boundary_iou']:>14.3f}{minutes:>9}"


if __name__ == "__main__":
    main()
