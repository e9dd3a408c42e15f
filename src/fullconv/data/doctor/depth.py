"""Files of 16 bits: images too dark to see, masks whose values do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding, counted
from fullconv.data.doctor.scan import Facts

FULL = 65535
DARK = FULL // 4  # a set whose brightest value is below this was made with fewer bits: 14, 12 or 10


def judge_depth(facts: Sequence[Facts]) -> list[Finding]:
    return [*_dark_images(facts), *_bright_images(facts), *_deep_masks(facts)]


def _dark_images(facts: Sequence[Facts]) -> list[Finding]:
    """16-bit images are divided by 257, as if white were 65535."""
    peaks = {
        each.sample.image_path: peak for each in facts if each.image and (peak := each.image.header.peak) is not None
    }
    brightest = max(peaks.values(), default=FULL)
    if brightest >= DARK:
        return []
    text = (
        f"{counted(len(peaks), 'image')} of 16 bits that go up to {brightest} only: all but black once 65535 is white"
    )
    white = 2 ** brightest.bit_length() - 1
    remedy = f"mogrify -path images8 -level 0,{white / FULL:.4%} -depth 8 {next(iter(peaks)).parent}/*"
    return [Finding("dark-16-bit", WARNING, text, _cases(peaks), remedy)]


def _bright_images(facts: Sequence[Facts]) -> list[Finding]:
    peaks = {
        each.sample.image_path: peak
        for each in facts
        if each.image and (peak := each.image.header.peak) is not None and peak > FULL
    }
    text = f"{counted(len(peaks), 'image')} of 32 bits with values above {FULL}, which are cut there"
    remedy = "scale them to 8 or 16 bits first"
    return [Finding("cut-32-bit", WARNING, text, _cases(peaks), remedy)] if peaks else []


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
