"""Faults planted in the masks of voc-animals: how many of the pictures that `check --model` suspects most have one.

    python benchmarks/suspects.py ../shared/data/voc-animals [--model photos] [--seed 0] [--kind swap]

In 5 % of the val pictures, which the bundled model was not trained on, one kind of fault is planted: the largest object
gets another class (swap), a region of at least 1 % of the picture becomes background (drop), or the mask is shifted by
5 % of the longer side (shift). Printed: which share of the top 5 % of the list has the fault.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import fullconv
from fullconv.classes import LabelMap
from fullconv.data.dataset import Sample
from fullconv.evaluation.scoring import dataset_for
from fullconv.evaluation.suspects import find_suspects
from fullconv.outputs.coco_polygons import box, filled
from fullconv.outputs.regions import Region, regions

SHARE, LEAST, SHIFT = 0.05, 0.01, 0.05
KINDS = ("swap", "drop", "shift")


@dataclass(frozen=True)
class Planted:
    """Reads a mask with a fault."""

    sample: Sample
    kind: str
    seed: int

    def __call__(self, path: Path) -> LabelMap:
        mask = self.sample.read_mask_values().copy()
        if self.kind == "shift":
            return shifted(mask, round(SHIFT * max(mask.shape)))
        region = largest(mask)
        left, top, right, bottom = box(region.outline)
        others = [value for value in range(1, 21) if value != region.value]
        value = int(np.random.default_rng(self.seed).choice(others)) if self.kind == "swap" else 0
        mask[top:bottom, left:right][filled(region)] = value
        return mask


def shifted(mask: LabelMap, by: int) -> LabelMap:
    """To the right and down; what comes in is background."""
    moved = np.zeros_like(mask)
    moved[by:, by:] = mask[:-by, :-by]
    return moved


def largest(mask: LabelMap) -> Region:
    return max((region for region in regions(mask) if 0 < region.value < 255), key=lambda region: region.area)


def has_object(sample: Sample) -> bool:
    mask = sample.read_mask_values()
    objects = [region for region in regions(mask) if 0 < region.value < 255]
    return any(region.area >= LEAST * mask.size for region in objects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="photos")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append", help="which faults; all where none is named")
    args = parser.parse_args()
    model = fullconv.load(args.model)
    samples = list(dataset_for(model, args.data).split("val"))
    able = [i for i, sample in enumerate(samples) if has_object(sample)]
    count = round(SHARE * len(samples))
    for kind in args.kind or KINDS:
        chosen = set(np.random.default_rng(args.seed).choice(able, count, replace=False).tolist())
        planted = [
            replace(one, open_mask=Planted(one, kind, i)) if i in chosen else one for i, one in enumerate(samples)
        ]
        top = find_suspects(lambda sample: model, planted)[:count]
        hits = sum(isinstance(suspicion.sample.open_mask, Planted) for suspicion in top)
        print(f"{kind:<6} {hits} of the first {count} have the fault: precision {hits / count:.2f}", flush=True)


if __name__ == "__main__":
    main()
