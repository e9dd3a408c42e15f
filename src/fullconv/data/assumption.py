"""What is assumed about pictures and masks that nobody described, written as a data YAML to be read and edited."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fullconv.classes import VOID, Classes, Colour, voc_colour
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.doctor.colours import MOST, propose
from fullconv.data.doctor.facts import MaskFacts
from fullconv.data.doctor.finding import Finding, name_colours, name_values
from fullconv.data.doctor.instances import are_instances, instance_numbers
from fullconv.data.doctor.scan import Facts, scan_masks
from fullconv.data.doctor.values import smoothed_masks
from fullconv.data.doctor.white import in_two_ways
from fullconv.data.holding_back import hold_back
from fullconv.data.label_meanings import parse_label_meanings
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.recognition import Recognition
from fullconv.data.split_names import SPELLINGS
from fullconv.errors import FullconvError
from fullconv.words import counted, pasted

UNNAMED = Classes.named([f"class_{i}" for i in range(VOID)])  # what each value may be until names are given
BACKGROUND, OBJECT = "background", "object"
LISTED = 24  # values that a line lists; of more, only the first and the last


@dataclass(frozen=True)
class Meaning:
    """What mask values or colours stand for: as `keys` of a data YAML, as its `text`, and as a sentence."""

    keys: Mapping[str, Any]
    text: str
    sentence: str
    instances: int = 0  # the largest value, if the values seem to number the objects of each picture


@dataclass(frozen=True)
class Assumption:
    """A generated data YAML: `keys` as reading it would return them, `lines` for people. `doubts`: reasons why it may
    be wrong."""

    root: Path
    keys: Mapping[str, Any]
    lines: tuple[str, ...]
    text: str
    doubts: tuple[Finding, ...] = ()

    @property
    def holds_back(self) -> bool:
        """Whether pictures were chosen for val."""
        return "val" in self.keys


def assume(root: Path, found: Recognition, holds_back: bool = True) -> Assumption:
    """Derives classes from the values of all masks together, and a validation split if no split is named.

    Without `holds_back`, no split is made.

    Raises FullconvError if it is unclear what the masks contain.
    """
    unnamed = found.read(root, LayoutOptions(classes=UNNAMED))
    meaning = meaning_of([sample for split in SPELLINGS for sample in unnamed.splits.get(split, ())], root)
    meanings = parse_label_meanings(meaning.keys["names"], meaning.keys.get("colours"), {})
    dataset = found.read(root, LayoutOptions(meanings.classes, meanings.lookup, meanings.open_mask))
    lacks_val = holds_back and "val" not in dataset.splits
    held = hold_back(dataset.split("train"))[1] if lacks_val else ()
    files = [sample.image_path.relative_to(root).as_posix() for sample in held]
    keys = {"path": str(root.resolve()), **meaning.keys} | ({"val": files} if files else {})
    lines = (f"{root}: no data.yaml; {found.why}", meaning.sentence, *(_split(dataset, len(held)) if lacks_val else ()))
    doubts = doubts_of(meaning, lacks_val)
    lines = (*lines, *(doubt.in_one_line(str(root / "data.yaml")) for doubt in doubts))
    return Assumption(root, keys, lines, _text(root, meaning, files, lines), doubts)


def assumption_of(root: Path, meaning: Meaning, lacks_val: bool) -> Assumption:
    """Returns what is assumed of the mask values alone. A val split, if there is none, is only asked for."""
    lines = (f"{root}: no data.yaml", meaning.sentence)
    keys = {"path": str(root.resolve()), **meaning.keys}
    text = _text(root, meaning, (), lines) + ("val: 0.2  # of the pictures\n" if lacks_val else "")
    return Assumption(root, keys, lines, text, doubts_of(meaning, lacks_val))


def doubts_of(meaning: Meaning, lacks_val: bool) -> tuple[Finding, ...]:
    return (instance_numbers(meaning.instances, lacks_val),) if meaning.instances else ()


def meaning_of(samples: Sequence[Sample], root: Path) -> Meaning:
    """Returns what the mask values or colours of all samples together stand for.

    Raises FullconvError if it is unclear what the masks contain.
    """
    facts = list(scan_masks(samples))
    masks = [each.mask for each in facts if each.mask]
    if not masks:
        raise FullconvError(f"{root}: none of the masks can be read; run fullconv check {pasted(root)} to see why")
    if lossy := [each.mask_path.name for each in facts if each.mask and each.mask.is_lossy]:
        raise FullconvError(
            f"{root}: {counted(len(lossy), 'mask')} with lossy compression such as JPEG, which blurs classes "
            f"(for example {lossy[0]}); save them as PNG"
        )
    in_colour = [mask for mask in masks if mask.in_colour]
    if not in_colour:
        _refuse_two_ways(facts, root)
        meaning = _of_values(Counter(value for mask in masks for value in mask.pixels), root)
        most = max(value for mask in masks for value in mask.pixels if value != VOID)
        if are_instances(facts):
            return replace(meaning, instances=most)
        _refuse_smoothed(facts, root)
        return meaning
    if len(in_colour) < len(masks):
        raise FullconvError(f"{root}: some masks are in colour and some are grey; save all of them the same way")
    return _of_colours(in_colour, root)


def _refuse_two_ways(facts: Sequence[Facts], root: Path) -> None:
    """Raises FullconvError if 255 may be an object, which other masks show as a number, or void."""
    if (found := in_two_ways(facts, named=False)) is None:
        return
    white, numbered = (masks[0].mask_path.name for masks in (found.white, found.numbered))
    remedy = "if it is an object, save these masks with its number; if it is void, name the values in a data.yaml"
    if found.values == (1,):
        labels = f"[{{name: {BACKGROUND}, labels: [0]}}, {{name: {OBJECT}, labels: [1, {VOID}]}}]"
        remedy = f"write a data.yaml with names: {labels} if it is, or names: [{BACKGROUND}, {OBJECT}] if it is void"
    raise FullconvError(
        f"{root}: {counted(len(found.white), 'mask')} with only 0 and 255 (such as {white}) and {len(found.numbered)} "
        f"with {found.listed} but no 255 (such as {numbered}), so it is unclear whether 255 is an object; {remedy}"
    )


def _refuse_smoothed(facts: Sequence[Facts], root: Path) -> None:
    """Raises FullconvError if values between black and white are only edges: each would become a class."""
    if smoothed := smoothed_masks(facts):
        raise FullconvError(
            f"{root}: {counted(len(smoothed), 'mask')} with smoothed edges between black and white (such as "
            f"{smoothed[0].mask_path.name}); save them without smoothing, or name the values in a data.yaml"
        )


def _of_values(masks: Mapping[int, int], root: Path) -> Meaning:
    """`masks`: {value: number of masks that contain it}. 255 is void, unless objects are drawn in it."""
    values = sorted(masks)
    indices = [value for value in values if value != VOID]
    drawn = indices != list(range(len(indices))) or indices == [0]
    labels = values if drawn else indices
    if len(labels) < 2:
        only = ", ".join(map(str, values))
        raise FullconvError(
            f"{root}: all masks contain only the value {only}, so there is nothing to learn; label at least two classes"
        )
    if drawn and len(labels) > MOST:
        raise FullconvError(
            f"{root}: masks hold {len(labels)} values, which looks like smoothing; save them without smoothing, or "
            "name the values in a data.yaml"
        )
    names = [BACKGROUND, OBJECT] if len(labels) == 2 else [BACKGROUND, *(f"class_{value}" for value in labels[1:])]
    void = "; 255 is void" if VOID in values and not drawn else ""
    listed = [f"{value} {name}" for value, name in zip(labels, names, strict=True)]
    shown = listed if len(listed) <= LISTED else [*listed[:3], "…", listed[-1]]
    sentence = f"masks contain {', '.join(shown)}{void}"
    keys = {"names": [{"name": name, "labels": [str(v)]} for v, name in zip(labels, names, strict=True)]}
    return Meaning(keys, name_values(dict(zip(labels, names, strict=True))), sentence)


def _of_colours(masks: Sequence[MaskFacts], root: Path) -> Meaning:
    """Black is background. The void colour of VOC's palette is void."""
    pixels: Counter[int] = Counter()
    for mask in masks:
        pixels.update(mask.pixels)
    colours = [_rgb(code) for code, _ in pixels.most_common()]
    if max(len(colours), *(mask.distinct for mask in masks)) > MOST:
        raise FullconvError(
            f"{root}: masks have many colours, which looks like smoothing; fullconv check {pasted(root)} lists them"
        )
    table = propose([colour for colour in colours if colour != voc_colour(VOID)], UNNAMED, named=False)
    if len(table) < 2:
        raise FullconvError(
            f"{root}: all masks have a single colour, so there is nothing to learn; label at least two classes"
        )
    if len(table) == 2:
        table = dict(zip(table, (BACKGROUND, OBJECT), strict=True))
    keys = {"names": list(table.values()), "colours": [list(map(str, colour)) for colour in table]}
    listed = ", ".join(f"#{red:02x}{green:02x}{blue:02x} {name}" for (red, green, blue), name in table.items())
    return Meaning(keys, name_colours(table), f"mask colours: {listed}")


def _rgb(code: int) -> Colour:
    return code >> 16, code >> 8 & 255, code & 255


def _split(dataset: Dataset, held: int) -> Iterator[str]:
    count = sum(map(len, dataset.splits.values()))
    if held:
        yield f"val: {held} of {counted(count, 'picture')}, held back (similar pictures stay together)"
    else:
        why = "all pictures look alike, or a class is in a single picture"
        yield f"no val split: {'there is a single picture' if count == 1 else why}; the last epoch is kept"


def _text(root: Path, meaning: Meaning, files: Sequence[str], lines: Sequence[str]) -> str:
    head = ["# Assumptions made for this data; edit this file and train with it.", *(f"# {line}" for line in lines)]
    body = [f"path: {json.dumps(str(root.resolve()), ensure_ascii=False)}", meaning.text]
    val = [
        "val:  # all other pictures are used for training",
        *(f"  - {json.dumps(file, ensure_ascii=False)}" for file in files),
    ]
    return "\n".join([*head, *body, *(val if files else [])]) + "\n"
