"""Time and peak memory of `fullconv check` as a whole process, on generated pictures with planted problems.

usage: python benchmarks/check_speed.py [--pictures 20000] [--side 96]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("background", "roof", "road", "tree")
TWINS, STRANGE, DAMAGED = 25, 40, 10


def picture(rng: np.random.Generator, side: int) -> tuple[Image.Image, Image.Image]:
    """A smooth colour picture, and a mask of four classes drawn from its brightness."""
    photo = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    return photo, photo.convert("L").point(lambda value: value * len(CLASSES) // 256)


def generate(root: Path, count: int, side: int) -> None:
    """Four fifths to train on; among the others TWINS of training pictures, STRANGE ids and DAMAGED files."""
    rng = np.random.default_rng(0)
    first = [picture(rng, side) for _ in range(TWINS)]
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
    for i in range(count):
        split = "train" if i < count * 4 // 5 else "val"
        photo, mask = first[i % TWINS] if i < TWINS or i >= count - TWINS else picture(rng, side)
        photo.save(root / "images" / split / f"{i:06}.jpg", quality=90 if i < TWINS else 80)
        mask.save(root / "masks" / split / f"{i:06}.png")
    for i in range(100, 100 + STRANGE):
        Image.new("L", (side, side), 77).save(root / "masks" / "train" / f"{i:06}.png")
    for i in range(200, 200 + DAMAGED):
        (root / "images" / "train" / f"{i:06}.jpg").write_bytes(b"half a file")
    (root / "data.yaml").write_text(f"path: .\nnames: [{', '.join(CLASSES)}]\n")


def measure(root: Path, report: Path) -> tuple[float, float]:
    """(seconds, peak megabytes) of the whole process."""
    code = "from fullconv.commands.main import main; main()"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, "check", str(root / "data.yaml"), "--json", str(report)],
        check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=96)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, report = Path(folder) / "data", Path(folder) / "report.json"
        generate(root, options.pictures, options.side)
        seconds, megabytes = measure(root, report)
        counts = {finding["kind"]: finding["count"] for finding in json.loads(report.read_text())["findings"]}
    print(f"{options.pictures} pictures of {options.side}x{options.side}: {seconds:.1f} s, peak {megabytes:.0f} MB")
    print(f"planted {TWINS} near twins, {STRANGE} masks of strange ids, {DAMAGED} damaged files; found {counts}")


if __name__ == "__main__":
    main()
