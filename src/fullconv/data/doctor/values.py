"""Finds mask values that belong to no class, and what they most likely mean; and images and masks of more than 8
bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from fullconv.classes import VOID, Classes
from fullconv.data.data_file import DataFile
from fullconv.data.doctor.facts import DRAWN, MaskFacts
from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding, name_values, skip_zero
from fullconv.data.doctor.mapping import map_values
from fullconv.data.doctor.scan import Facts
from fullconv.data.doctor.white import judge_white
from fullconv.data.undeclared import nodata_text
from fullconv.words import counted

MANY = 16  # values in one mask that are not a class: more than people draw by mistake
RARE = 2e-3  # share of a mask's pixels; values that smoothing creates at edges are rarer
MOSTLY = 0.9  # share of black and white in a smoothed mask of two values
COMMON = 2e-2  # share of a mask that a class has in some mask, and a value that smoothing creates in none
NEAR = 16  # largest change of black and white by JPEG, in grey levels
SHOWN = 5  # values listed in one line


def judge_values(facts: Sequence[Facts], classes: Classes, named: bool, file: DataFile) -> list[Finding]:
    """Gives each mask one explanation, tried in this order: JPEG or smoothing, 0 and 255, 255 in some masks, counted
    from 1, unknown. `classes`: those of the data, before the mapping of `file`."""
    masks = [each for each in facts if each.mask and not each.mask.error and not each.mask.in_colour]
    smoothed = [each for each in masks if is_smoothed(each, named)]
    first = _smoothed(smoothed)
    if black_and_white(masks, named):
        return [*first, _black_and_white(masks, classes, named)]
    steady = [each for each in masks if not is_smoothed(each, named)]
    if white := judge_white(steady, classes, named):
        return [*first, *white, *_unknown(steady, classes, file)]
    return [*first, *(_from_one(steady, classes, named) or _unknown(steady, classes, file))]


def is_smoothed(facts: Facts, named: bool) -> bool:
    """Whether the mask was compressed with losses, as in a JPEG, or has the many rare values that smooth resizing
    creates between classes."""
    mask = facts.mask
    if not mask:
        return False
    strange = unknown_values(facts) if named else _between(mask)
    if mask.is_lossy or len(strange) < MANY:
        return mask.is_lossy
    shares = mask.shares
    return median(shares[value] for value in strange) < RARE


def smoothed_masks(facts: Sequence[Facts]) -> list[Facts]:
    """Returns the masks with smoothed edges between black and white, in data without names. Values in between are
    classes if one of them is common in some mask, or if no mask has white."""
    masks = [each.mask for each in facts if each.mask]
    between = (mask.shares[value] for mask in masks for value in mask.pixels if _end(value) is None)
    if max(between, default=1) > COMMON or not any(_end(value) == VOID for mask in masks for value in mask.pixels):
        return []
    return [each for each in facts if is_smoothed(each, named=False)]


def unknown_values(facts: Facts) -> list[int]:
    """Returns the values of a readable mask that are neither a class nor void."""
    values = facts.mask.values if facts.mask else np.zeros(0, np.int32)
    return values[facts.sample.lookup[values] < 0].tolist()


def _between(mask: MaskFacts) -> list[int]:
    """Returns the values that are neither black nor white, if the mask is mostly black and white."""
    return [value for value in mask.pixels if _end(value) is None] if _ends(mask) >= MOSTLY else []


def _ends(mask: MaskFacts) -> float:
    """Returns the share of black and white, 0–1."""
    return sum(share for value, share in mask.shares.items() if _end(value) is not None)


def _end(value: int) -> int | None:
    """Returns 0 or 255 for a value that was black or white before JPEG, None for values in between."""
    return 0 if value < NEAR else VOID if value > VOID - NEAR else None


def black_and_white(masks: Sequence[Facts], named: bool) -> bool:
    """Whether all masks have only 0 and 255, both occur, and 255 means void in this data."""
    seen: set[int | None] = set()
    for each in masks:
        if not each.mask or each.mask.mode == DRAWN or each.sample.lookup[VOID] != VOID:
            return False
        pure = each.mask.pixels.keys() <= {0, VOID}
        if not pure and not (is_smoothed(each, named) and _ends(each.mask) >= MOSTLY):
            return False
        seen |= {_end(value) for value in each.mask.pixels}
    return seen >= {0, VOID}


def _smoothed(masks: Sequence[Facts]) -> list[Finding]:
    cases = tuple(Case(each.mask_path, _form(each.mask)) for each in masks if each.mask)
    text = f"{counted(len(cases), 'mask')} with values between those of the classes, caused by JPEG or smooth resizing"
    remedy = "export the masks again from their source as PNG; resize only with nearest neighbour"
    return [Finding("smoothed-masks", ERROR, text, cases, remedy)] if cases else []


def _form(mask: MaskFacts) -> str:
    return f"{counted(mask.distinct, 'value')}{', lossy compression' if mask.is_lossy else ''}"


def _black_and_white(masks: Sequence[Facts], classes: Classes, named: bool) -> Finding:
    """White in a drawing program is 255, and 255 is void, so the class in white would never be learned."""
    cases = tuple(Case(each.mask_path) for each in masks if each.mask and VOID in each.mask.pixels)
    names = classes.names if named and len(classes) > 1 else ("background", "foreground")
    text = f"{counted(len(cases), 'mask')} with only 0 and 255; 255 is void, so white pixels are never learned"
    remedy = name_values({0: names[0], VOID: names[1], **{i: name for i, name in enumerate(names) if i > 1}})
    remedy += "\nreduce_zero_label: false" if any(each.sample.lookup[0] == VOID for each in masks) else ""
    return Finding("white-is-void", ERROR, text, cases, remedy)


def _from_one(masks: Sequence[Facts], classes: Classes, named: bool) -> list[Finding]:
    """Ids 1 … n, where 0 is unlabelled (mmsegmentation's reduce_zero_label) or missing."""
    present = set().union(*(each.mask.pixels for each in masks if each.mask)) - {VOID}
    top = max(present, default=0)
    strange = {value for each in masks[:1] for value in present if each.sample.lookup[value] < 0}
    cases = tuple(Case(each.mask_path) for each in masks if each.mask and top in each.mask.pixels)
    if not all(each.sample.lookup[i] == i for each in masks[:1] for i in range(len(classes))):
        return []  # the data already define their ids
    if named and strange == {len(classes)}:
        text = f"ids go up to {top}, but {len(classes)} names end at {top - 1}: do they belong to ids 1 to {top}?"
        return [Finding("ids-from-one", ERROR, text, cases, skip_zero(classes.names))]
    if 0 not in present and top > 1 and len(present) == top and not strange:
        text = f"ids are 1 to {top}, and no mask contains 0: does 0 mean unlabelled?"
        names = classes.names[1:] if named else [f"class_{i}" for i in range(1, top + 1)]
        return [Finding("ids-from-one", WARNING, text, cases, skip_zero(names))]
    return []


def _unknown(masks: Sequence[Facts], classes: Classes, file: DataFile) -> list[Finding]:
    strange = [(each.mask_path, found) for each in masks if (found := unknown_values(each))]
    if not strange:
        return []
    values = sorted({value for _, found in strange for value in found})
    cases = tuple(Case(path, f"holds {_listed(found)}") for path, found in strange)
    text = f"{counted(len(cases), 'mask')} with values that belong to no class: {_listed(values)}"
    return [Finding("unknown-values", ERROR, text, cases, map_values(values, classes.names, file))]


def _listed(values: Sequence[int]) -> str:
    shown = ", ".join(map(str, values[:SHOWN]))
    return f"{shown} …" if len(values) > SHOWN else shown


TRAIN = "train"


def judge_depth(facts: Sequence[Facts]) -> list[Finding]:
    return [*_mixed_depth(facts), *_mixed_bands(facts), *_deep_masks(facts), *_undeclared_nodata(facts)]


def _mixed_depth(facts: Sequence[Facts]) -> list[Finding]:
    """Finds pictures of mixed depth: a model has one range of values, or none."""
    trained = [each for each in facts if each.image and (TRAIN in each.splits or not _has_train(facts))]
    deep = [each for each in trained if each.image and each.image.is_deep]
    shallow = [each for each in trained if each.image and not each.image.is_deep]
    if not deep or not shallow:
        return []
    fewer = min(deep, shallow, key=len)
    text = (
        f"{counted(len(shallow), 'image')} with 8 bits and {len(deep)} with more: a model has a single range of values"
    )
    cases = tuple(Case(each.sample.image_path, "8 bits" if fewer is shallow else "more than 8 bits") for each in fewer)
    return [
        Finding(
            "mixed-depth",
            ERROR,
            text,
            cases,
            "convert these to the type of the others, or train on each type separately",
        )
    ]


def _mixed_bands(facts: Sequence[Facts]) -> list[Finding]:
    """Finds pictures with different numbers of bands. Grey pictures may be mixed with colour ones."""
    bands = {each.sample.image_path: len(each.image.sums) for each in facts if each.image}
    kinds = Counter(3 if count == 1 else count for count in bands.values())
    if len(kinds) < 2:
        return []
    usual = kinds.most_common(1)[0][0]
    odd = {path: count for path, count in bands.items() if count not in (usual, 1 if usual == 3 else usual)}
    text = f"{counted(len(odd), 'image')} with different bands than the others, which have {usual}"
    cases = tuple(Case(path, counted(count, "band")) for path, count in odd.items())
    return [Finding("mixed-bands", ERROR, text, cases, "give all pictures the same bands (gdal_translate -b)")]


def _has_train(facts: Sequence[Facts]) -> bool:
    return any(TRAIN in each.splits for each in facts)


def _deep_masks(facts: Sequence[Facts]) -> list[Finding]:
    """Finds 16-bit masks whose values do not fit in 8 bits, such as instance numbers."""
    peaks = {
        each.mask_path: max(mask.pixels) for each in facts if (mask := each.mask) and mask.error and not mask.in_colour
    }
    text = f"{counted(len(peaks), 'mask')} with 16 bits and values that are not class indices (0 to 254; 255 is void)"
    remedy = (
        "use the class masks, not the instance masks (Cityscapes: labelTrainIds); for class * 1000 + n: value // 1000"
    )
    return [Finding("deep-masks", ERROR, text, _cases(peaks), remedy)] if peaks else []


def _cases(peaks: dict[Path, int]) -> tuple[Case, ...]:
    return tuple(Case(path, f"up to {peak}") for path, peak in peaks.items())


def _undeclared_nodata(facts: Sequence[Facts]) -> list[Finding]:
    """Finds nodata values that the files do not declare: they are learned, scored, and widen the range of values."""
    found = {each.sample.image_path: each.image.undeclared for each in facts if each.image}
    values = {path: value for path, value in found.items() if value is not None}
    if not values:
        return []
    text, remedy = nodata_text(list(values.values()))
    cases = tuple(Case(path, f"{value:.8g}") for path, value in values.items())
    return [Finding("undeclared-nodata", WARNING, text, cases, remedy)]
