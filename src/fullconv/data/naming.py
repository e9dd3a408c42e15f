"""`names`, `colours` and `label_mapping` of a data YAML → classes, and what mask values mean.

Ultralytics writes names as {0: background, 1: cat} and label_mapping as {mask value: class index}; LightlyTrain gives
classes several values, {name: road, labels: [7, 8]}; colours may stand where values do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fullconv.classes import VOID, Classes, Colour
from fullconv.data.dataset import ReadMask
from fullconv.data.masks import Lookup, read_colours, read_index_or_colour, read_mask, value_lookup
from fullconv.errors import FullconvError

Label = int | Colour  # what stands for a class in masks: a value, or a colour
VOID_WORDS = ("void", "ignore", "ignore_label", VOID, -1)  # in label_mapping


@dataclass(frozen=True)
class Naming:
    """Classes, the meaning of mask values (None: value i is class i, or as the layout says), and how masks are read."""

    classes: Classes
    lookup: Lookup | None
    open_mask: ReadMask


def parse_naming(names: Any, colours: Any, values: Mapping[int, Any]) -> Naming:
    """`values` are the lines of label_mapping that begin with a number."""
    entries = _entries(names)
    order = list(dict.fromkeys(name for name, _ in entries))
    labels = [(label, order.index(name)) for name, own in entries for label in own]
    in_colour = _are_colours([label for label, _ in labels])
    shown = [_colour(c) for c in colours] if colours else _first_colours(labels) if in_colour else None
    classes = Classes.named(order, shown)
    if in_colour:
        pixels = tuple(_colour(label) for label, _ in labels)
        lookup = value_lookup({**{i: index for i, (_, index) in enumerate(labels)}, VOID: VOID})
        return Naming(classes, lookup, partial(read_colours, colours=pixels))
    reader = partial(read_index_or_colour, colours=classes.colours) if colours else read_mask
    if not values and all(label == index for label, index in labels):
        return Naming(classes, None, reader)
    table = value_lookup({VOID: VOID, **{int(label): index for label, index in labels}})  # type: ignore[arg-type]
    return Naming(classes, _with_values(table, values, classes), reader)


def _entries(names: Any) -> list[tuple[str, list[Label]]]:
    """(name, its labels) of every form that `names` may have."""
    if isinstance(names, Mapping):
        plain = all(isinstance(key, int) and not isinstance(name, Mapping) for key, name in names.items())
        if plain and sorted(names) != list(range(len(names))):
            raise FullconvError(
                f"names: the numbers are {sorted(names)}; count from 0 without a gap, "
                "or give mask values as {name: roof, labels: [255]}"
            )
        rows = sorted(names.items()) if plain else list(names.items())
    elif isinstance(names, Sequence) and not isinstance(names, str):
        rows = list(enumerate(names))
    else:
        raise FullconvError(f"names: {names!r}; write a list of names, or one of the forms in docs/datasets.md")
    return [_entry(key, value) for key, value in rows]


def _entry(key: Any, value: Any) -> tuple[str, list[Label]]:
    if not isinstance(value, Mapping):
        return str(value), [_label(key)]
    unknown = value.keys() - {"name", "labels"}
    if "name" not in value or unknown:
        raise FullconvError(f"names: {dict(value)} should read {{name: …, labels: [value, …]}}")
    return str(value["name"]), [_label(label) for label in value.get("labels", [key])]


def _label(label: Any) -> Label:
    if isinstance(label, str) and label.count(",") == 2:  # "128, 0, 0"
        label = [part.strip() for part in label.split(",")]
        return _colour([int(part) if part.isdigit() else -1 for part in label])
    if isinstance(label, Sequence) and not isinstance(label, str):
        return _colour(label)
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label <= VOID:
        raise FullconvError(f"names: {label!r} is no mask value; give 0 to 255, or a colour [R, G, B]")
    return label


def _colour(values: Any) -> Colour:
    if not isinstance(values, Sequence) or len(values) != 3 or not all(v in range(256) for v in values):
        raise FullconvError(f"names: {values!r} is no colour; give [R, G, B], 0 to 255 each")
    red, green, blue = values
    return int(red), int(green), int(blue)


def _are_colours(labels: Sequence[Label]) -> bool:
    kinds = {isinstance(label, tuple) for label in labels}
    if len(kinds) > 1 or len(set(labels)) < len(labels):
        raise FullconvError("names: values and colours are mixed, or one stands for two classes; give each one class")
    return kinds == {True}


def _first_colours(labels: Sequence[tuple[Label, int]]) -> list[Colour]:
    first: dict[int, Colour] = {}
    for label, index in labels:
        first.setdefault(index, _colour(label))
    return [first[index] for index in range(len(first))]


def _with_values(lookup: Lookup, values: Mapping[int, Any], classes: Classes) -> Lookup:
    """The table with label_mapping's lines {mask value: class index, name or void} laid over it."""
    changed = lookup.copy()
    for value, target in values.items():
        if 0 <= value <= VOID:  # tools that write -1 read masks as signed bytes: no file holds it
            changed[value] = VOID if target in VOID_WORDS else _index(target, classes)
    return changed


def _index(target: Any, classes: Classes) -> int:
    if isinstance(target, str):
        return classes.index(target)
    if target not in range(len(classes)):
        raise FullconvError(f"label_mapping: {target!r} is no class; give 0 to {len(classes) - 1}, a name, or void")
    return int(target)
