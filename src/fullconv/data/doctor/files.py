"""Finds files that are missing, damaged, or of another size than their image, and objects with a box but no outline."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.data.doctor.facts import ImageFacts, MaskFacts, Size
from fullconv.data.doctor.finding import ERROR, NOTE, WARNING, Case, Finding
from fullconv.data.doctor.rotation import remove_rotation
from fullconv.data.doctor.scan import Facts
from fullconv.orientation import UPRIGHT
from fullconv.words import counted

UNREADABLE = (
    "copy the files again from their source (if a file has several pages, save only one), "
    "or leave them out: remove their names from the lists, or each picture and its mask from the folders"
)
LOOKED_UP = 3  # missing files for which a similar name is looked up


def judge_files(facts: Sequence[Facts]) -> list[Finding]:
    images = [(each.sample.image_path, each.image_error) for each in facts if each.image_error]
    masks = [(each.sample.label_path, each.mask_error) for each in facts if each.mask_error]
    return [*_missing("image", images), *_missing("mask", masks), *_damaged("image", images), *_damaged("mask", masks)]


def _missing(noun: str, errors: Sequence[tuple[Path, str]]) -> list[Finding]:
    paths = [path for path, _ in errors if not path.exists()]
    cases = [
        Case(path, _lost_link(path) or (_similar_name(path) if i < LOOKED_UP else "")) for i, path in enumerate(paths)
    ]
    text = f"{counted(len(cases), noun)} listed but missing"
    remedy = "correct the list or the file names" + (f"; {cases[0].detail}" if cases and cases[0].detail else "")
    return [Finding(f"missing-{noun}", ERROR, text, tuple(cases), remedy)] if cases else []


def _damaged(noun: str, errors: Sequence[tuple[Path, str]]) -> list[Finding]:
    cases = tuple(Case(path, _reason(error, path)) for path, error in errors if path.exists())
    text = f"{counted(len(cases), noun)} that cannot be read"
    own = {error.partition("; ")[2] for path, error in errors if path.exists()}
    remedy = own.pop() if len(own) == 1 else ""
    return [Finding(f"unreadable-{noun}", ERROR, text, cases, remedy or UNREADABLE)] if cases else []


def _reason(error: str, path: Path) -> str:
    return error.removeprefix(f"{path}: ").split("; ")[0]


def _lost_link(path: Path) -> str:
    return f"a link to {os.readlink(path)}, which is not there" if path.is_symlink() else ""


def _similar_name(path: Path) -> str:
    close = nearest(path.name, _listing(path.parent))
    return f"did you mean {close}?" if close else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """Returns the name most similar to `name`, or an empty string if none is similar."""
    return next(iter(get_close_matches(name, list(names), 1, 0.7)), "")


def _listing(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()


def judge_sizes(facts: Sequence[Facts]) -> list[Finding]:
    """Checks the sizes of every readable pair."""
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
    """Returns "unturned" if the mask fits the image before its EXIF rotation, "unclear" if it fits before and after."""
    turned = image.header.orientation != UPRIGHT
    if mask.size == image.size:
        return "unclear" if turned and image.header.size == image.size else ""
    return "unturned" if turned and mask.size == image.header.size else "differing"


def _differing(cases: list[Case]) -> list[Finding]:
    text = f"{counted(len(cases), 'mask')} with a different size than the image"
    remedy = "create the masks again at the images' own size, or resize them with nearest neighbour, without smoothing"
    return [Finding("size-mismatch", ERROR, text, tuple(cases), remedy)] if cases else []


def _unturned(cases: list[Case], facts: Sequence[Facts]) -> list[Finding]:
    text = f"{counted(len(cases), 'mask')} drawn on the photo before its EXIF rotation"
    return [Finding("exif-unturned", ERROR, text, tuple(cases), remove_rotation(cases, facts))] if cases else []


def _unclear(cases: list[Case], facts: Sequence[Facts]) -> list[Finding]:
    text = (
        f"{counted(len(cases), 'photo')} with an EXIF rotation that keeps the size; the mask may include it or not: "
        "look at them with --sheet, and remove the rotation only where the mask does not include it"
    )
    return [Finding("exif-unclear", WARNING, text, tuple(cases), remove_rotation(cases, facts))] if cases else []


def _sizes(image: ImageFacts, mask: MaskFacts) -> str:
    return f"mask {size_text(mask.size)}, image {size_text(image.size)}"


def size_text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def judge_boxes(facts: Sequence[Facts], classes: Classes) -> list[Finding]:
    """Reports boxes. It is an error if a class has no outlines at all: it would never be learned."""
    boxed = [(each, each.mask.boxes) for each in facts if each.mask and each.mask.boxes]
    if not boxed:
        return []
    numbers = Counter(int(each.sample.lookup[value]) for each, values in boxed for value in values)
    named = ", ".join(f"{_name(i, classes)} {count}" for i, count in sorted(numbers.items()))
    cases = tuple(Case(each.mask_path, counted(len(values), "box", "boxes")) for each, values in boxed)
    text = f"{counted(numbers.total(), 'object')} without an outline ({named}); "
    if any(each.mask and each.mask.boxes_are_regions for each, _ in boxed):
        return [Finding("boxes-only", NOTE, f"{text}each box is used as the object's region", cases)]
    shown = {int(each.sample.lookup[value]) for each in facts if each.mask for value in each.mask.pixels}
    severity = WARNING if numbers.keys() - {VOID} <= shown else ERROR
    remedy = "boxes: region  # if the boxes are good enough; otherwise draw outlines"
    return [Finding("boxes-only", severity, f"{text}the pixels in their boxes are void", cases, remedy)]


def _name(index: int, classes: Classes) -> str:
    return classes.names[index] if index < len(classes) else "crowd"
