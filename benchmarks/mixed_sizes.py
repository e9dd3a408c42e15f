"""Photos of many sizes beside as many of one size: processor seconds and memory.

usage: python benchmarks/mixed_sizes.py PHOTOS [--count 300] [--rounds 3] [--precision auto]

Each photo is seen once by a model that was just loaded, with a warm cache of compiled networks. The sizes are those of
the photos, or random: sides of 200 to 512 pixels. The equal ones have as many pixels on average, as the network sees
them: enlarged if the model does so, and padded to multiples of 32. So they are not resized by the model. Those of one
of their sizes are: it is the size nearest to the average, both as the photo comes and as the network sees it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import Model, load
from fullconv.prediction.benchmark import peak_memory
from fullconv.view import size_with_side
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model

Photo = NDArray[np.uint8]
MULTIPLE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    paths = sorted(options.photos.rglob("*.jpg"))[: options.count]
    random = np.random.default_rng(0).integers(200, 513, (len(paths), 2))
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FULLCONV_CACHE"] = cache
        for name, sizes in (("of the photos", [Image.open(path).size for path in paths]), ("random", random)):
            compare(name, paths, [(int(width), int(height)) for width, height in sizes], options)


def compare(name: str, paths: Sequence[Path], sizes: Sequence[tuple[int, int]], options: argparse.Namespace) -> None:
    """Prints the seconds of each round, for photos of one size and of these sizes (width, height)."""
    padded = [as_seen(size) for size in sizes]
    pixels = np.mean([width * height for width, height in padded])
    side = round(pixels**0.5 / MULTIPLE) * MULTIPLE
    equal = [(side, round(pixels / side / MULTIPLE) * MULTIPLE)] * len(sizes)
    middle = average_of(sizes)
    print(
        f"{len(paths)} photos, sizes {name}: {len(set(padded))} after padding; equal: {equal[0][0]}x{equal[0][1]}; "
        f"one of theirs: {middle[0]}x{middle[1]}"
    )
    for _ in range(options.rounds):
        one = seconds(paths, equal, options.precision)
        theirs = seconds(paths, [middle] * len(sizes), options.precision)
        memory = peak_memory()
        many = seconds(paths, sizes, options.precision)
        print(
            f"one size {one:.1f} CPU s, one of theirs {theirs:.1f} CPU s, at most {memory:.0f} MB; many "
            f"{many:.1f} CPU s, {many / one:.2f} and {many / theirs:.2f} times, at most {peak_memory():.0f} MB",
            flush=True,
        )


def average_of(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The size whose pixels are nearest to the average, as the photo comes and as the network sees it."""
    pixels = np.array([[np.prod(size), np.prod(as_seen(size))] for size in sizes])  # (photos, 2)
    return sizes[int(np.abs(pixels / pixels.mean(axis=0) - 1).sum(axis=1).argmin())]


def as_seen(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) as the network sees a photo."""
    side = read_config(find_model("photos")).side_for(size)
    width, height = size_with_side(size, side) if side else size
    return up(width), up(height)


def up(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE


def seconds(paths: Sequence[Path], sizes: Sequence[tuple[int, int]], precision: str) -> float:
    """Processor seconds for loading a model and segmenting the photos; reading and resizing them is not counted."""
    start = used()
    model = load("photos", engine="openvino", precision=precision)
    spent = used() - start
    for path, size in zip(paths, sizes, strict=True):
        photo = np.asarray(Image.open(path).convert("RGB").resize(size))
        spent += timed(model, photo)
    return spent


def timed(model: Model, photo: Photo) -> float:
    start = used()
    _ = model.predict(photo).label_map
    return used() - start


def used() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main()
