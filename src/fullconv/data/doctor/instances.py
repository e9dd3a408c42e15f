"""Finds masks whose values seem to number the objects of each picture, and do not stand for classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from fullconv.classes import VOID
from fullconv.data.doctor.facts import DRAWN
from fullconv.data.doctor.finding import WARNING, Finding
from fullconv.data.doctor.scan import Facts
from fullconv.errors import FullconvError
from fullconv.region_count import count_regions

INSTANCES = "instance-numbers"
MOST_OBJECTS = 5  # a picture of instances has at least so many; classes that lie inside each other are fewer
DIFFERENT = 3  # numbers of objects that occur at least
USUAL = 0.5  # share of the pictures that may have the same number of objects
LOOKED_AT = 40  # pictures whose regions are counted
WHOLE = 0.8  # share of the values of a picture that are one connected region


def are_instances(facts: Sequence[Facts]) -> bool:
    """Whether the values of every mask are 1, 2, … up to a number that differs from picture to picture, and nearly
    every value is a single connected region."""
    masks = [(each, set(each.mask.pixels) - {0, VOID}) for each in facts if each.mask]
    if any(each.mask.mode == DRAWN or each.mask.in_colour for each, _ in masks if each.mask):
        return False
    shown = [(each, values) for each, values in masks if values]
    if any(values != set(range(1, len(values) + 1)) for _, values in shown):
        return False
    sizes = Counter(len(values) for _, values in shown)
    if len(sizes) < DIFFERENT or max(sizes) < MOST_OBJECTS or max(sizes.values()) > USUAL * len(shown):
        return False
    return _are_whole([each for each, _ in shown[:: -(-len(shown) // LOOKED_AT)]])


def _are_whole(facts: Sequence[Facts]) -> bool:
    regions = [count for each in facts for count in _regions(each)]
    return sum(count == 1 for count in regions) >= WHOLE * len(regions) > 0


def _regions(facts: Facts) -> list[int]:
    """Returns the number of connected regions of each value of a mask, without background and void."""
    try:
        counts = count_regions([facts.sample.read_mask_values()])
    except FullconvError:  # the file has changed since it was read
        return []
    return counts[1:VOID][np.flatnonzero(counts[1:VOID])].tolist()


def instance_numbers(most: int, holds_back: bool) -> Finding:
    """`most`: the largest value. `holds_back`: whether a data YAML must ask for val."""
    text = f"mask values look like instance numbers, not classes: they count the objects of each picture, up to {most}"
    lines = "names:\n  - {name: background, labels: [0]}\n  - {name: object, labels: [1-254]}"
    return Finding(INSTANCES, WARNING, text, (), f"{lines}\nval: 0.2" if holds_back else lines)
