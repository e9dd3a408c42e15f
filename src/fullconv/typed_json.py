"""Turns JSON values into a dataclass, nested ones too. The annotations give the types; errors name the wrong value."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from fullconv.errors import FullconvError
from fullconv.typed_values import SIMPLE, hint

T = TypeVar("T")


def build_dataclass(kind: type[T], values: Any, file: str, key: str = "") -> T:
    """Builds the dataclass `kind` from a mapping read from `file`. Lists become tuples. Raises FullconvError."""
    place = f"{file}: {key}" if key else file
    if not isinstance(values, Mapping):
        raise FullconvError(f"{place} must be a mapping of keys to values, not {reprlib.repr(values)}")
    _refuse_keys(values, {f.name: _is_needed(f) for f in fields(kind)}, place)  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    inside = {name: typed(hints[name], value, file, f"{key}.{name}" if key else name) for name, value in values.items()}
    try:
        return kind(**inside)
    except FullconvError as error:
        raise FullconvError(f"{place}: {error}") from None


def _refuse_keys(values: Mapping[Any, Any], needed: Mapping[str, bool], place: str) -> None:
    for name in values:
        if name not in needed:
            raise FullconvError(f"{place}: unknown key {name!r}; {hint(str(name), list(needed))}")
    for name, is_needed in needed.items():
        if is_needed and name not in values:
            raise FullconvError(f"{place}: {name} is missing")


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def typed(kind: Any, value: Any, file: str, key: str) -> Any:
    """`value` as `kind`: int, float, str, bool, a dataclass, or tuples, dicts and unions of these."""
    if is_dataclass(kind) and isinstance(kind, type):
        return build_dataclass(kind, value, file, key)
    if fitting := next((one for one in _alternatives(kind) if _has_form(one, value)), None):
        return _inside(fitting, value, file, key)
    raise FullconvError(f"{file}: {key} must be {describe_type(kind)}, not {reprlib.repr(value)}")


def describe_type(kind: Any) -> str:
    """Describes a type in words: "a list of 2 whole numbers or null"."""
    if len(_alternatives(kind)) > 1:
        return " or ".join(describe_type(one) for one in _alternatives(kind))
    if get_origin(kind) is tuple:
        inside = get_args(kind)
        count = "" if inside[-1] is Ellipsis else f"{len(inside)} "
        return f"a list of {count}{_plural(inside[0])}"
    if kind is Any:
        return "anything"
    return SIMPLE[kind].words if kind in SIMPLE else "a mapping of keys to values"


def _plural(kind: Any) -> str:
    return SIMPLE[kind].plural if kind in SIMPLE else describe_type(kind).replace("a list", "lists", 1)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _has_form(kind: Any, value: Any) -> bool:
    """Whether the outermost type is right and, for a list, the length."""
    if get_origin(kind) is tuple:
        inside = get_args(kind)
        return isinstance(value, (list, tuple)) and (inside[-1] is Ellipsis or len(value) == len(inside))
    if kind is Any:
        return True
    if kind not in SIMPLE:
        return isinstance(value, Mapping)
    return type(value) in SIMPLE[kind].types and not (isinstance(value, float) and not math.isfinite(value))


def _inside(kind: Any, value: Any, file: str, key: str) -> Any:
    """Checks the content of a list or mapping too; returns anything else unchanged."""
    inside = get_args(kind)
    if get_origin(kind) is tuple:
        kinds = [inside[0]] * len(value) if inside[-1] is Ellipsis else inside
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(typed(one, part, file, f"{key}[{i}]") for i, (one, part) in pairs)
    if get_origin(kind) is dict:
        return {
            typed(inside[0], name, file, f"a key of {key}"): typed(inside[1], part, file, f"{key}.{name}")
            for name, part in value.items()
        }
    return value
