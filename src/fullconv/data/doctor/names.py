"""Checks names: file names that separate an image from its mask, and class names that differ only in spelling."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.data_file import DataFile
from fullconv.data.doctor.files import nearest
from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding
from fullconv.data.doctor.mapping import map_classes
from fullconv.data.pairing import Pairing
from fullconv.words import counted

LOOKED_UP = 3  # unpaired images for which a similar name is looked up


def judge_names(pairing: Pairing, mask_dir: Path) -> list[Finding]:
    return [*_alone(pairing, mask_dir), *_by_rule(pairing, mask_dir)]


def _alone(pairing: Pairing, mask_dir: Path) -> list[Finding]:
    """Finds images and masks that neither equal names nor a rule pairs."""
    lonely, masks = pairing.images_alone, pairing.masks_alone
    if not lonely and not masks:
        return []
    by_stem = {path.stem: path for path in masks}
    like = {path: by_stem.pop(name) for path in lonely[:LOOKED_UP] if (name := nearest(path.stem, by_stem))}
    cases = [Case(path, f"no mask; like {like[path].name}" if path in like else "no mask") for path in lonely]
    cases += [Case(path, "no image") for path in masks]
    folder = f"{mask_dir.name}/"
    text = f"{counted(len(lonely), 'image')} without a mask in {folder}, {counted(len(masks), 'mask')} without an image"
    return [Finding("unpaired", ERROR, text, tuple(cases), _partners(like, masks, mask_dir))]


def _partners(like: Mapping[Path, Path], masks: Sequence[Path], mask_dir: Path) -> str:
    """Returns what gives the images their masks. `like`: images and the masks with the most similar names."""
    if several := _several(masks, mask_dir):
        return f"save a single mask for each image, with a value for each class; now they are apart, in {several}"
    moves = [(mask, mask.with_stem(image.stem)) for image, mask in like.items() if mask.stem != image.stem]
    renaming = "\n".join(shlex.join(["mv", str(mask), str(target)]) for mask, target in moves)
    return renaming or "give each image and its mask the same name, or move unmatched files away"


def _several(masks: Sequence[Path], mask_dir: Path) -> str:
    """Returns the sub-folders that hold masks of the same names, as if each were of a class, or an empty string."""
    folders = sorted({path.parent.relative_to(mask_dir).as_posix() for path in masks})
    names = {path.stem for path in masks}
    return ", ".join(folders) if len(folders) > 1 and len(masks) > len(names) else ""


def _by_rule(pairing: Pairing, mask_dir: Path) -> list[Finding]:
    """Finds masks whose names differ from those of their images, all in the same way."""
    if pairing.rule is None:
        return []
    old, new = pairing.rule
    cases = tuple(Case(mask) for image, mask in pairing.pairs.values() if image.stem != mask.stem)
    where = "end" if pairing.at_end else "begin"
    text = f"{counted(len(cases), 'mask')} whose names {where} in {new!r} where the images' {where} in {old!r}"
    return [Finding("names-differ", ERROR, text, cases, _renaming(mask_dir, old, new, pairing.at_end))]


def _renaming(mask_dir: Path, old: str, new: str, at_end: bool) -> str:
    """Returns the shell line that gives the masks the names of their images, in sub-folders too."""
    literal = re.sub(r"([\\\[\]*?])", r"\\\1", new)  # find's patterns have these characters
    pattern = f"*{literal}.*" if at_end else f"{literal}*"
    target = '"${1%"$2".*}$3.${1##*.}"' if at_end else '"${1%/*}/$3${1##*/"$2"}"'
    found = shlex.join(
        ["find", str(mask_dir), "-type", "f", "-name", pattern, "-exec", "sh", "-c", f'mv "$1" {target}']
    )
    return f"{found} _ {{}} {shlex.join([new, old])} \\;"


def judge_similar_names(classes: Classes, own: Classes, file: DataFile) -> list[Finding]:
    """`own`: the classes before the mapping of `file`."""
    spelt: dict[str, list[str]] = defaultdict(list)
    for name in classes.names:
        spelt["".join(letter for letter in name.casefold() if letter.isalnum()) or name].append(name)
    alike = [names for names in spelt.values() if len(names) > 1]
    if not alike:
        return []
    listed = "; ".join(", ".join(names) for names in alike)
    text = f"class names that differ only in spelling and may mean the same: {listed}"
    targets = {other: names[0] for names in alike for other in names[1:]}
    remedy = map_classes(targets, own.names, file)
    return [Finding("names-alike", WARNING, text, remedy=remedy)]
