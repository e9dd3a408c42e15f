"""A large picture whole and in tiles: how many labels are equal, time and memory per megapixel, for tiles and halos.

usage: python benchmarks/tiles.py PHOTOS [--side 4096] [--rows auto:exact 1024:128 …] [--model photos]

The picture is a mosaic of the photos in the folder PHOTOS. Each line is a process of its own, so that its peak memory
is its own; float32, OpenVINO; the better of two runs after a first that compiles. `read`: pixels that went through the
network for each of the picture's.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv import load
from fullconv.prediction.predictor import Model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--model", default="photos")
    parser.add_argument("--rows", nargs="*", default=["auto:exact", "auto:256", "auto:128", "auto:64", "auto:0"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # picture, row, result: the process of one line
    options = parser.parse_args()
    if options.one:
        return run_one(options.model, *options.one)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "mosaic.png")
        Image.fromarray(mosaic(options.photos, options.side)).save(picture)
        print(f"{options.side}x{options.side}")
        print(f"{'tile:halo':>12}{'equal labels':>16}{'s/MP':>8}{'ratio':>8}{'read':>8}{'MB':>8}")
        reference, first = np.empty(0), 0.0
        for row in ("whole", *options.rows):
            label_map, seconds, read, megabytes = measured(options, picture, row, Path(folder, "labels.npy"))
            if row == "whole":
                reference, first = label_map, seconds
            equal, each = (label_map == reference).mean(), seconds / label_map.size * 1e6
            print(
                f"{row:>12}{equal:>16.6%}{each:>8.2f}{seconds / first:>8.2f}{read:>8.2f}{megabytes:>8.0f}", flush=True
            )


def mosaic(photos: Path, side: int) -> np.ndarray:
    """side x side pixels of photos at their own scale, one row after another."""
    canvas, files = np.zeros((side, side, 3), np.uint8), cycle(sorted(photos.glob("*.jpg")))
    for top in range(0, side, 320):
        for left in range(0, side, 320):
            photo = np.asarray(Image.open(next(files)).convert("RGB"))[: side - top, : side - left][:320, :320]
            canvas[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
    return canvas


def measured(
    options: argparse.Namespace, picture: Path, row: str, result: Path
) -> tuple[np.ndarray, float, float, float]:
    """(label map, seconds, pixels read for each of the picture's, peak MB of the process)."""
    command = [sys.executable, __file__, str(options.photos), "--model", options.model]
    command += ["--one", str(picture), row, str(result)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, read, megabytes = map(float, printed.split())
    return np.load(result), seconds, read, megabytes


def run_one(name: str, picture: str, row: str, result: str) -> None:
    model = load(name, engine="openvino", precision="fp32")
    image = np.asarray(Image.open(picture))
    tile, halo = (-(-max(image.shape) // 32) * 32, 0) if row == "whole" else row.split(":")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        label_map = model.predict(image, tile=tile, halo=halo).label_map
        seconds.append(time.perf_counter() - start)
    np.save(result, label_map)
    print(
        min(seconds[1:]),
        pixels_read(model, image, tile, halo),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )


def pixels_read(model: Model, image: np.ndarray, tile: int | str, halo: int | str) -> float:
    spans = [(w.rows, w.columns) for w in model.tiling(image.shape[:2], tile, halo).tiles]
    total = sum((rows.read_to - rows.read_from) * (columns.read_to - columns.read_from) for rows, columns in spans)
    return total / (image.shape[0] * image.shape[1])


if __name__ == "__main__":
    main()
