"""Images and masks of more than 8 bits: values that one model cannot take together, masks whose values do not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fullconv.data.doctor.finding import ERROR, Case, Finding, counted
from fullconv.data.doctor.scan import Facts

TRAIN = "train"


def judge_depth(facts: Sequence[Facts]) -> list[Finding]:
    return [*_mixed_depth(facts), *_mixed_bands(facts), *_deep_masks(facts)]


def _mixed_depth(facts: Sequence[Facts]) -> list[Finding]:
    """A model has one range of values, or none."""
    trained = [each for each in facts if each.image and (TRAIN in each.splits or not _has_train(facts))]
    deep = [each for each in trained if each.image and each.image.is_deep]
    shallow = [each for each in trained if each.image and not each.image.is_deep]
    if not deep or not shallow:
        return []
    fewer = min(deep, shallow, key=len)
    text = f"{counted(len(shallow), 'image')} of 8 bits and {len(deep)} of more: a model has one range of values"
    cases = tuple(Case(each.sample.image_path, "8 bits" if fewer is shallow else "more than 8 bits") for each in fewer)
    return [
        Finding("mixed-depth", ERROR, text, cases, "convert these to the others' type, or train on each kind alone")
    ]


def _mixed_bands(facts: Sequence[Facts]) -> list[Finding]:
    """As many bands in each picture as in the others; a grey one goes with colours."""
    bands = {each.sample.image_path: len(each.image.sums) for each in facts if each.image}
    kinds = Counter(3 if count == 1 else count for count in bands.values())
    if len(kinds) < 2:
        return []
    usual = kinds.most_common(1)[0][0]
    odd = {path: count for path, count in bands.items() if count not in (usual, 1 if usual == 3 else usual)}
    text = f"{counted(len(odd), 'image')} of other bands than the others, which have {usual}"
    cases = tuple(Case(path, counted(count, "band")) for path, count in odd.items())
    return [Finding("mixed-bands", ERROR, text, cases, "give all pictures the same bands (gdal_translate -b)")]


def _has_train(facts: Sequence[Facts]) -> bool:
    return any(TRAIN in each.splits for each in facts)


def _deep_masks(facts: Sequence[Facts]) -> list[Finding]:
    """Masks of 16 bits whose values do not fit into 8, such as instance numbers."""
    peaks = {
        each.mask_path: max(mask.pixels) for each in facts if (mask := each.mask) and mask.error and not mask.in_colour
    }
    text = f"{counted(len(peaks), 'mask')} of 16 bits with values that are no class indices (0 to 254, 255 is void)"
    remedy = (
        "give the masks of classes, not of instances (Cityscapes: labelTrainIds); for class * 1000 + n: value // 1000"
    )
    return [Finding("deep-masks", ERROR, text, _cases(peaks), remedy)] if peaks else []


def _cases(peaks: dict[Path, int]) -> tuple[Case, ...]:
    return tuple(Case(path, f"up to {peak}") for path, peak in peaks.items())
