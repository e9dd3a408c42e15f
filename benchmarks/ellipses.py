"""Pictures that anybody can draw: noise, and one bright ellipse in each. The least that training has to manage.

usage: python benchmarks/ellipses.py FOLDER [--count 25]

Writes a bare folder, FOLDER/bare (images/, and masks/ of 0 and 255), and as many others with their own split in
FOLDER/unseen, to score on. docs/performance.md has what `fullconv train FOLDER/bare` makes of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 256  # pixels a side
NOISE, BRIGHT = 60, (120, 190)  # grey levels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=25)
    given = parser.parse_args()
    write(given.folder / "bare", range(given.count))
    write(given.folder / "unseen", range(given.count, 2 * given.count), "val")
    yaml = "names:\n  - {name: background, labels: [0]}\n  - {name: object, labels: [255]}\n"
    (given.folder / "unseen" / "data.yaml").write_text(yaml)


def write(folder: Path, seeds: range, split: str = "") -> None:
    for seed in seeds:
        for kind, array in zip(("images", "masks"), draw(seed), strict=True):
            path = folder / kind / split / f"{seed:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)


def draw(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(picture (SIZE, SIZE, 3), mask (SIZE, SIZE) of 0 and 255)"""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - rng.uniform(0.3, 0.7, (2, 1, 1)) * SIZE
    angle, (long, short) = rng.uniform(0, np.pi), rng.uniform(0.08, 0.25, 2) * SIZE
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside = (along / long) ** 2 + (across / short) ** 2 < 1
    image = rng.integers(0, NOISE, (SIZE, SIZE, 3)) + inside[..., None] * rng.integers(*BRIGHT, 3)
    return image.astype(np.uint8), (inside * 255).astype(np.uint8)


if __name__ == "__main__":
    main()
