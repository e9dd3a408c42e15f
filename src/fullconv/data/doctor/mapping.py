"""Proposes the line `label_mapping`. It replaces the one in the data YAML, so it repeats what that one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fullconv.data.data_file import DataFile
from fullconv.data.doctor.finding import name_list
from fullconv.data.label_meanings import is_number
from fullconv.yaml_files import flow

KEY = "label_mapping"


def map_values(values: Sequence[int], own: Sequence[str], file: DataFile) -> str:
    """Returns lines that make these mask values void. `own`: the classes of the data, which then need to be written."""
    table = {**file.label_mapping, **{str(value): "void" for value in values}}
    names = [] if file.names is not None else [name_list(own)]
    return "\n".join([*names, f"{KEY}: {flow(table)}  # or the name of a class instead of void"])


def map_classes(targets: Mapping[str, str], own: Sequence[str], file: DataFile) -> str:
    """Returns lines that turn classes into others, or into void, and with them those that were mapped to them."""
    written = {
        name: other if is_number(name) else targets.get(other, other) for name, other in file.label_mapping.items()
    }
    table = {**written, **{name: other for name, other in targets.items() if name in own}}
    lines = [f"{KEY}: {flow(table)}"] if table != file.label_mapping else []
    kept = [name for name in file.classes or () if name not in targets]
    return "\n".join([*lines, *([name_list(kept, "classes")] if file.classes else [])])


def without_values(file: DataFile) -> str:
    """Returns the line without mask values, if it has some: they mean nothing once masks are read by their colours."""
    kept = {name: other for name, other in file.label_mapping.items() if not is_number(name)}
    return f"\n{KEY}: {flow(kept)}" if kept != file.label_mapping else ""
