"""Photos of many sizes beside as many of one size: CPU seconds, memory, and whether labels are the same.

usage: python benchmarks/mixed_sizes.py PHOTOS [--count 60] [--rounds 3]

PHOTOS are resized: to sides of 200 to 512 pixels, at random, or all to 352x352, which is as many pixels on average. The
networks' cache is empty at first. The alternative is a network compiled for each size, whose labels are compared too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import Model
from fullconv.prediction.benchmark import peak_memory
from fullconv.prediction.engines import openvino
from fullconv.prediction.engines.choice import Choice
from fullconv.prediction.predictor import ready
from fullconv.weights.model_folder import open_folder

Photo = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    paths = sorted(options.photos.rglob("*.jpg"))[: options.count]
    random = np.random.default_rng(0)
    mixed = [resized(path, *random.integers(200, 513, 2)) for path in paths]
    equal = [resized(path, 352, 352) for path in paths]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FULLCONV_CACHE"] = cache
        for name, photos in (("one size", equal), ("many sizes", mixed)):
            for when in ("empty cache", *["cache filled"] * (options.rounds - 1)):
                print(f"{name}, {when}: {timed(photos):.1f} CPU s, peak {peak_memory():.0f} MB so far", flush=True)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FULLCONV_CACHE"] = cache
        openvino.OFTEN = 1
        seconds = timed(mixed, len(mixed))
        print(f"a network for each of many sizes, empty cache: {seconds:.1f} CPU s, peak {peak_memory():.0f} MB")
        print(f"labels as with a network for each size: {agreement(mixed):.4%} of the pixels, in the worst photo")


def resized(path: Path, height: int, width: int) -> Photo:
    return np.asarray(Image.open(path).convert("RGB").resize((int(width), int(height))))


def timed(photos: list[Photo], kept: int = openvino.KEPT) -> float:
    """CPU seconds of one model from loading on, each photo seen once."""
    start = used()
    labels(keeping(kept), photos)
    return used() - start


def keeping(kept: int) -> Model:
    """With at most `kept` networks for one shape each."""
    return ready(open_folder("photos"), Choice("openvino"), kept=kept)


def used() -> float:
    times = os.times()
    return times.user + times.system


def labels(model: Model, photos: list[Photo]) -> list[Photo]:
    return [model.predict(photo).label_map for photo in photos]


def agreement(photos: list[Photo]) -> float:
    """The least share of equal pixels in any photo, between a network for each size and one for all."""
    each, shared = labels(keeping(len(photos)), photos), labels(keeping(0), photos)
    return min(float((a == b).mean()) for a, b in zip(shared, each, strict=True))


if __name__ == "__main__":
    main()
