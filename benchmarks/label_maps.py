"""Scores the label maps of any other program with this package's metrics.

usage: python benchmarks/label_maps.py PREDICTIONS DATA [--split val] [--merge-to background,cat,dog] [--json FILE]

PREDICTIONS holds a PNG of class indices for each picture, under the picture's own name and of its size.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.commands.evaluate import table
from fullconv.data.description import open_dataset
from fullconv.evaluation.merging import merge_to
from fullconv.metrics import Confusion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--merge-to", default="", help="score these classes; all others count as background")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    dataset = open_dataset(given.data)
    merging = merge_to(given.merge_to.split(","), dataset.classes) if given.merge_to else None
    confusion = Confusion(merging.classes if merging else dataset.classes)
    for sample in dataset.split(given.split):
        truth = sample.read_label_map()
        with Image.open(given.predictions / f"{sample.image_path.stem}.png") as picture:
            labels = np.asarray(picture)
        confusion.add(*((merging.apply(one) for one in (truth, labels)) if merging else (truth, labels)))
    report = confusion.report()
    print(table(report))
    if given.json:
        given.json.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
