"""A large picture whole and in tiles: how many labels are equal, time and memory per megapixel, for several halos.

usage: python benchmarks/tiles.py PHOTOS [--side 2048] [--tile 1024] [--model animals]

The picture is a mosaic of the photos in the folder PHOTOS. Each line is a process of its own, so that its peak memory
is its own; float32, OpenVINO.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--model", default="animals")
    parser.add_argument("--halos", nargs="*", default=["0", "64", "128", "256", "exact"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # picture, halo, result: the process of one line
    options = parser.parse_args()
    if options.one:
        return run_one(options.model, options.tile, *options.one)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "mosaic.png")
        Image.fromarray(mosaic(options.photos, options.side)).save(picture)
        print(f"{options.side}x{options.side}, tiles of {options.tile}")
        print(f"{'halo':>8}{'equal labels':>16}{'s/MP':>8}{'MB':>8}")
        reference = np.empty(0)
        for halo in ("whole", *options.halos):
            label_map, seconds, megabytes = measured(options, picture, halo, Path(folder, "labels.npy"))
            reference = label_map if halo == "whole" else reference
            equal = (label_map == reference).mean()
            print(f"{halo:>8}{equal:>16.6%}{seconds / label_map.size * 1e6:>8.2f}{megabytes:>8.0f}", flush=True)


def mosaic(photos: Path, side: int) -> np.ndarray:
    """side x side pixels of photos at their own scale, one row after another."""
    canvas, files = np.zeros((side, side, 3), np.uint8), iter(sorted(photos.glob("*.jpg")))
    for top in range(0, side, 320):
        for left in range(0, side, 320):
            photo = np.asarray(Image.open(next(files)).convert("RGB"))[: side - top, : side - left][:320, :320]
            canvas[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
    return canvas


def measured(options: argparse.Namespace, picture: Path, halo: str, result: Path) -> tuple[np.ndarray, float, float]:
    """(label map, seconds of the second of two runs, peak MB of the process)."""
    command = [sys.executable, __file__, str(options.photos), "--tile", str(options.tile), "--model", options.model]
    command += ["--one", str(picture), halo, str(result)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, megabytes = map(float, printed.split())
    return np.load(result), seconds, megabytes


def run_one(name: str, tile: int, picture: str, halo: str, result: str) -> None:
    model = load(name, engine="openvino", precision="fp32")
    image = np.asarray(Image.open(picture))
    for _ in range(2):  # the first compiles
        start = time.perf_counter()
        if halo == "whole":
            label_map = model.predict(image, tile=-(-max(image.shape) // 32) * 32, halo=0).label_map
        else:
            label_map = model.predict(image, tile=tile, halo=halo).label_map
        seconds = time.perf_counter() - start
    np.save(result, label_map)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


if __name__ == "__main__":
    main()
