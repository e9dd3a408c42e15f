"""Reads `names`, `colours` and `label_mapping` of a data YAML: the classes, and what mask values mean.

Ultralytics writes names as {0: background, 1: cat} and label_mapping as {mask value: class index}. LightlyTrain gives
classes several values, {name: road, labels: [7, 8]}. Colours may be used in place of values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fullconv.classes import VOID, Classes, Colour
from fullconv.data.colour_masks import read_colours, read_index_or_colour
from fullconv.data.dataset import ReadMask
from fullconv.data.masks import Lookup, read_mask, shifted_lookup, value_lookup
from fullconv.errors import FullconvError
from fullconv.typed_values import hint

Label = int | Colour  # what stands for a class in masks: a value, or a colour
VOID_WORDS = ("void", "ignore", "ignore_label", str(VOID), "-1")  # in label_mapping
REST = "rest"  # in label_mapping: all classes that it does not name
NUMBER = re.compile(r"-?\d+")
RANGE = re.compile(r"(\d{1,3})-(\d{1,3})")


@dataclass(frozen=True)
class LabelMeanings:
    """Classes, the meaning of mask values (None: value i is class i, or as the layout defines), and how masks are
    read."""

    classes: Classes
    lookup: Lookup | None
    open_mask: ReadMask
    in_colour: bool = False  # whether only colours distinguish the classes


def parse_label_meanings(names: Any, colours: Any, values: Mapping[str, str], skip_zero: bool = False) -> LabelMeanings:
    """`values` are the lines of label_mapping that begin with a number. With `skip_zero`, value n is class n - 1."""
    entries = _entries(names)
    order = list(dict.fromkeys(name for name, _ in entries))
    labels = [(label, order.index(name)) for name, own in entries for label in own]
    in_colour = _are_colours([label for label, _ in labels])
    shown = _colours(colours) if colours is not None else _first_colours(labels) if in_colour else None
    classes = Classes.named(order, shown)
    if in_colour:
        if values or skip_zero:
            raise FullconvError("names: masks are read by colour, so mask values have no meaning; remove them")
        pixels = tuple(_colour(label) for label, _ in labels)
        lookup = value_lookup({**{i: index for i, (_, index) in enumerate(labels)}, VOID: VOID})
        return LabelMeanings(classes, lookup, partial(read_colours, colours=pixels), in_colour)
    reader = partial(read_index_or_colour, colours=classes.colours) if colours else read_mask
    in_order = not _have_labels(names) and all(label == index for label, index in labels)
    if skip_zero and not in_order:
        raise FullconvError("reduce_zero_label: `names` already gives mask values; remove one of the two")
    if not values and in_order and not skip_zero:
        return LabelMeanings(classes, None, reader)
    numbers = {int(label): index for label, index in labels}  # type: ignore[arg-type]
    table = shifted_lookup(classes) if skip_zero else value_lookup({VOID: VOID, **numbers})
    return LabelMeanings(classes, _with_values(table, values, classes), reader)


def is_number(text: str) -> bool:
    """Whether a line of label_mapping is about a mask value rather than a class."""
    return bool(NUMBER.fullmatch(text))


def check_mapping(mapping: Mapping[str, str], names: Sequence[str]) -> None:
    """Raises FullconvError if a line of label_mapping {class: class} does not begin with a class of the data."""
    for name in mapping:
        if name not in names:
            raise FullconvError(f"label_mapping: the data has no class {name!r}; {hint(name, names)}")


def with_rest(mapping: Mapping[str, str], names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Returns label_mapping with `rest` expanded: every class of the data that it does not name and that is not
    requested."""
    if REST not in mapping or REST in names:
        return dict(mapping)
    target = mapping[REST]
    kept = {*mapping, *wanted, target}
    named = {name: other for name, other in mapping.items() if name != REST}
    return {**named, **{name: target for name in names if name not in kept}}


def _entries(names: Any) -> list[tuple[str, list[Label]]]:
    """Returns (name, its labels) for every form that `names` can have."""
    if isinstance(names, Mapping):
        rows = _counted(names) or list(names.items())
    elif isinstance(names, Sequence) and not isinstance(names, str):
        rows = [(str(i), value) for i, value in enumerate(names)]
    else:
        raise FullconvError(f"names: {names!r}; write a list of names, such as [background, cat]")
    if not rows:
        raise FullconvError("names: the list is empty; name every class")
    entries = [_entry(key, value) for key, value in rows]
    named = [name for name, own in entries if not isinstance(own[0], tuple)]  # one colour per line may repeat a class
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise FullconvError(
            f"names: class {twice!r} is named twice; if several values belong to one class, write "
            f"{{name: {twice}, labels: [0, 1]}}"
        )
    return entries


def _have_labels(names: Any) -> bool:
    """Whether the mask values are written out. They then count even where a layout has values of its own."""
    rows = names.values() if isinstance(names, Mapping) else names
    return any(isinstance(row, Mapping) and "labels" in row for row in rows)


def _counted(names: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Returns the rows of {0: background, 1: roof} in the order of their numbers, or none if it has another form."""
    if not all(isinstance(k, str) and k.isdecimal() and not isinstance(v, Mapping) for k, v in names.items()):
        return []
    numbers = sorted(map(int, names))
    if numbers != list(range(len(names))):
        raise FullconvError(
            f"names: the numbers are {numbers}; number the classes from 0 without gaps, "
            "or give mask values as {name: roof, labels: [255]}"
        )
    return sorted(names.items(), key=lambda row: int(row[0]))


def _entry(key: Any, value: Any) -> tuple[str, list[Label]]:
    if not isinstance(value, Mapping):
        return _name(value), [_label(key)]
    labels = value.get("labels", [key])
    if "name" not in value or value.keys() - {"name", "labels"} or not isinstance(labels, list) or not labels:
        raise FullconvError(f"names: {dict(value)} should read {{name: …, labels: [value, …]}}")
    return _name(value["name"]), [label for text in labels for label in _range(text) or [_label(text)]]


def _range(text: Any) -> list[Label]:
    """Returns the mask values that "1-254" stands for, or none for any other text."""
    found = RANGE.fullmatch(text) if isinstance(text, str) else None
    return [_label(str(value)) for value in range(int(found[1]), int(found[2]) + 1)] if found else []


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise FullconvError(f"names: {name!r} is not a name; give every class a name")
    return name.strip()


def _label(label: Any) -> Label:
    if isinstance(label, str) and label.count(",") == 2:  # "128, 0, 0"
        return _colour([part.strip() for part in label.split(",")])
    if isinstance(label, Sequence) and not isinstance(label, str):
        return _colour(label)
    if not (isinstance(label, str) and label.isdecimal() and int(label) <= VOID):
        raise FullconvError(f"names: {label!r} is not a mask value; give 0 to {VOID}, or a colour [R, G, B]")
    return int(label)


def _colours(colours: Any) -> list[Colour]:
    if not isinstance(colours, Sequence) or isinstance(colours, str):
        raise FullconvError(f"colours: {colours!r}; give a list of [R, G, B], one for each name")
    found = [_colour(colour, "colours") for colour in colours]
    if len(set(found)) < len(found):
        twice = next(colour for colour in found if found.count(colour) > 1)
        raise FullconvError(f"colours: {list(twice)} is used for two classes; give each class its own colour")
    return found


def _colour(values: Any, key: str = "names") -> Colour:
    texts = [] if isinstance(values, str) or not isinstance(values, Sequence) else [str(value) for value in values]
    if len(texts) != 3 or not all(text.isdecimal() and int(text) <= 255 for text in texts):
        raise FullconvError(f"{key}: {values!r} is not a colour; give [R, G, B], each from 0 to 255")
    red, green, blue = map(int, texts)
    return red, green, blue


def _are_colours(labels: Sequence[Label]) -> bool:
    kinds = {isinstance(label, tuple) for label in labels}
    if len(kinds) > 1 or len(set(labels)) < len(labels):
        raise FullconvError(
            "names: values and colours are mixed, or one is used for two classes; use one kind, and each once"
        )
    return kinds == {True}


def _first_colours(labels: Sequence[tuple[Label, int]]) -> list[Colour]:
    first: dict[int, Colour] = {}
    for label, index in labels:
        first.setdefault(index, _colour(label))
    return [first[index] for index in range(len(first))]


def _with_values(lookup: Lookup, values: Mapping[str, str], classes: Classes) -> Lookup:
    """Returns the table after applying the lines {mask value: class index, name or void} of label_mapping."""
    changed = lookup.copy()
    for text, target in values.items():
        if not -1 <= int(text) <= VOID:
            raise FullconvError(f"label_mapping: {text} is not a mask value; mask values are 0 to {VOID}")
        if int(text) >= 0:  # tools that write -1 read masks as signed bytes; no file contains it
            changed[int(text)] = VOID if target in VOID_WORDS else _index(target, classes)
    return changed


def _index(target: str, classes: Classes) -> int:
    if target in classes.names:
        return classes.names.index(target)
    if not target.isdecimal() or int(target) >= len(classes):
        raise FullconvError(f"label_mapping: {target!r} is not a class; give 0 to {len(classes) - 1}, a name, or void")
    return int(target)
