"""A mask belongs to its image pixel by pixel: sizes that differ, and turns that only one of the two knows of."""

from __future__ import annotations

from collections.abc import Sequence

from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding, counted
from fullconv.data.doctor.image_facts import UPRIGHT, ImageFacts, Size
from fullconv.data.doctor.mask_facts import MaskFacts
from fullconv.data.doctor.scan import Facts


def judge_sizes(facts: Sequence[Facts]) -> list[Finding]:
    """Findings on every readable pair."""
    cases: dict[str, list[Case]] = {"": [], "differing": [], "unturned": [], "unclear": []}
    for each in facts:
        if each.image and each.mask:
            case = Case(each.mask_path, _sizes(each.image, each.mask))
            cases[disagreement(each.image, each.mask)].append(case)
    return [
        *_differing(cases["differing"]),
        *_unturned(cases["unturned"], facts),
        *_unclear(cases["unclear"], facts),
    ]


def disagreement(image: ImageFacts, mask: MaskFacts) -> str:
    """ "unturned": the mask fits the image before its EXIF turn; "unclear": it fits before and after it."""
    turned = image.header.orientation != UPRIGHT
    if mask.size == image.size:
        return "unclear" if turned and image.header.size == image.size else ""
    return "unturned" if turned and mask.size == image.header.size else "differing"


def _differing(cases: list[Case]) -> list[Finding]:
    text = f"{counted(len(cases), 'mask')} of another size than the image"
    remedy = "make the masks anew at the images' own size, or resize them with nearest neighbour, never smoothly"
    return [Finding("size-mismatch", ERROR, text, tuple(cases), remedy)] if cases else []


def _unturned(cases: list[Case], facts: Sequence[Facts]) -> list[Finding]:
    text = f"{counted(len(cases), 'mask')} drawn on the photo before its EXIF turn"
    return [Finding("exif-unturned", ERROR, text, tuple(cases), _drop_turn(cases, facts))] if cases else []


def _unclear(cases: list[Case], facts: Sequence[Facts]) -> list[Finding]:
    text = f"{counted(len(cases), 'photo')} with an EXIF turn that keeps the size; the mask may be of either side"
    remedy = f"look: fullconv check … --sheet sheet.png; where a mask is turned: {_drop_turn(cases, facts)}"
    return [Finding("exif-unclear", WARNING, text, tuple(cases), remedy)] if cases else []


def _drop_turn(cases: list[Case], facts: Sequence[Facts]) -> str:
    """The shell line that makes the photo lie as its mask does."""
    named = {case.path for case in cases}
    photos = [str(each.sample.image_path) for each in facts if each.mask_path in named]
    return f"exiftool -n -Orientation=1 {' '.join(photos[:3])}{' …' if len(photos) > 3 else ''}"


def _sizes(image: ImageFacts, mask: MaskFacts) -> str:
    return f"mask {written(mask.size)}, image {written(image.size)}"


def written(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
