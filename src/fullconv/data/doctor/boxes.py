"""Objects of COCO files that have a box and no outline: what lies in the box is known to be something, not what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fullconv.classes import VOID, Classes
from fullconv.data.doctor.finding import ERROR, NOTE, WARNING, Case, Finding, counted
from fullconv.data.doctor.scan import Facts


def judge_boxes(facts: Sequence[Facts], classes: Classes) -> list[Finding]:
    """An error where a class has nothing else: it would never be learned."""
    boxed = [(each, each.mask.boxes) for each in facts if each.mask and each.mask.boxes]
    if not boxed:
        return []
    numbers = Counter(int(each.sample.lookup[value]) for each, values in boxed for value in values)
    named = ", ".join(f"{_name(i, classes)} {count}" for i, count in sorted(numbers.items()))
    cases = tuple(Case(each.mask_path, counted(len(values), "box", "boxes")) for each, values in boxed)
    text = f"{counted(numbers.total(), 'object')} without an outline ({named}); "
    if any(each.mask and each.mask.boxes_are_regions for each, _ in boxed):
        return [Finding("boxes-only", NOTE, f"{text}each box is taken for the object's region", cases)]
    shown = {int(each.sample.lookup[value]) for each in facts if each.mask for value in each.mask.pixels}
    severity = WARNING if numbers.keys() - {VOID} <= shown else ERROR
    remedy = "boxes: region  # if the boxes are good enough; else draw outlines"
    return [Finding("boxes-only", severity, f"{text}what lies in their boxes is void", cases, remedy)]


def _name(index: int, classes: Classes) -> str:
    return classes.names[index] if index < len(classes) else "crowd"
