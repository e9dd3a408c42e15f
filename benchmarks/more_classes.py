"""What more classes cost: a model beside the same network with its first few classes, timed in turn.

usage: python benchmarks/more_classes.py [--model photos] [--classes 7] [--size 384x512] [--precision bf16]
           [--rounds 60]

Both are exported in the same way. The copy keeps the parameters of its classes, so its labels are those that the model
itself would choose among them. The picture is examples/chelsea.jpg, resized.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from fullconv.classes import Classes
from fullconv.exporting.onnx import export_onnx
from fullconv.models.build import build
from fullconv.prediction.engines.choice import Choice, open_engine
from fullconv.prediction.engines.contract import Engine
from fullconv.weights.checkpoint import load_model, save_model
from fullconv.weights.model_folder import find_model, open_folder

PHOTO = Path(__file__).parent.parent / "examples" / "chelsea.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photos")
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--size", default="384x512", help="HEIGHTxWIDTH")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    height, width = map(int, given.size.split("x"))
    with Image.open(PHOTO) as photo:
        image = np.asarray(photo.convert("RGB").resize((width, height)))[None]  # (1, H, W, 3)
    count = len(load_model(find_model(given.model))[1].classes)
    with tempfile.TemporaryDirectory() as place:
        engines = {n: opened(given.model, n, Path(place) / str(n), given.precision) for n in (given.classes, count)}
        times = {n: list[float]() for n in engines}
        for _ in range(given.rounds):
            for n, engine in engines.items():
                times[n].append(seconds(engine, image))
    for n, found in times.items():
        least, middle = 1000 * min(found), 1000 * median(found)
        print(f"{n:>3} classes   {least:6.1f} ms least   {middle:6.1f} ms median")
    few, many = times[given.classes], times[count]
    print(f"{'ratio':<11}   {min(many) / min(few):6.2f}            {median(many) / median(few):6.2f}")


def opened(model: str, count: int, folder: Path, precision: str) -> Engine:
    """The engine for a copy of the model with its first `count` classes."""
    network, config = load_model(find_model(model))
    fewer = replace(config, classes=Classes.named(config.classes.names[:count]))
    copy, total = build(fewer), len(config.classes)
    wanted = copy.state_dict()
    copy.load_state_dict({name: first(value, wanted[name], total) for name, value in network.state_dict().items()})
    folder.mkdir()
    save_model(folder, copy, fewer)
    export_onnx(folder)
    engine = open_engine(open_folder(folder), Choice("openvino", precision))
    seconds(engine, np.zeros((1, 64, 64, 3), np.uint8))
    return engine


def first(value: Tensor, like: Tensor, total: int) -> Tensor:
    """The rows of a parameter that belong to the classes of `like`."""
    for axis, (have, want) in enumerate(zip(value.shape, like.shape, strict=True)):
        if have == total and want != have:
            value = value.narrow(axis, 0, want)
    return value


def seconds(engine: Engine, image: Any) -> float:
    began = perf_counter()
    engine.label_maps(image)
    return perf_counter() - began


if __name__ == "__main__":
    main()
