"""Converts plain values (text from YAML, JSON, arguments) to the types that a dataclass declares.

Only the declared type decides what a value means: `no` is text for a name, and false for a switch.
"""

from __future__ import annotations

import math
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from fullconv.errors import FullconvError

Declared = TypeVar("Declared")
SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
SHOWN = 60  # characters of a wrong value


def check_values(declared: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts `values` to the types of the fields of the dataclass `declared`. Raises FullconvError, also for unknown
    keys."""
    kinds = get_type_hints(declared)
    known = [field.name for field in fields(declared)]
    for key in values:
        if key not in known:
            raise FullconvError(f"unknown key {key!r}; {hint(str(key), known)}")
    return {key: check_value(key, value, kinds[key]) for key, value in values.items()}


def check_value(key: str, value: Any, kind: Any) -> Any:
    """Returns the value as the type `kind`. Raises FullconvError if it cannot be converted."""
    try:
        return convert(value, kind)
    except (ValueError, TypeError, OverflowError):
        shown = "empty" if value is None else repr(value)[:SHOWN]
        raise FullconvError(f"{key} must be {words(kind)}, not {shown}") from None


def hint(wrong: str, known: Sequence[str]) -> str:
    """Suggests what the user may have meant by `wrong`."""
    import difflib

    close = difflib.get_close_matches(wrong, known, 1) or [k for k in known if k.lower() == wrong.lower()]
    return f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}"


def convert(value: Any, kind: Any) -> Any:
    """Returns `value` as the type `kind`. Raises ValueError or TypeError if it is not of that type."""
    if kind is Any:
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return _first_of(value, arguments)
    if origin is tuple:
        return _sequence(value, arguments)
    if origin is dict:
        return _mapping(value, *arguments)
    return SIMPLE[kind].convert(value)


def words(kind: Any) -> str:
    """Describes a type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return " or ".join(map(words, arguments))
    if origin is tuple:
        number = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        return f"a list of {number}{SIMPLE[arguments[0]].plural}"
    return "a mapping {name: name, …}" if origin is dict else SIMPLE[kind].words


def _first_of(value: Any, kinds: Sequence[Any]) -> Any:
    for kind in kinds:
        try:
            return convert(value, kind)
        except (ValueError, TypeError):
            continue
    raise ValueError


def _sequence(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    wanted = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
    return tuple(convert(one, kind) for one, kind in zip(value, wanted, strict=True))


def _mapping(value: Any, key_kind: Any, value_kind: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {convert(key, key_kind): convert(one, value_kind) for key, one in value.items()}


def _nothing(value: Any) -> None:
    if value is not None:
        raise ValueError


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if _text(value).lower() not in SWITCHES:
        raise ValueError
    return SWITCHES[value.lower()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return int(value) if isinstance(value, str) else operator.index(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


class Simple(NamedTuple):
    """A type that contains no others: its name, alone and in lists, the Python types of its values, and a function that
    makes a value of it from text."""

    words: str
    plural: str
    types: tuple[type, ...]
    convert: Callable[[Any], Any]


# The one table of types. Text from YAML and the command line is converted; JSON (typed_json.py) must have the type.
SIMPLE: dict[Any, Simple] = {
    int: Simple("a whole number", "whole numbers", (int,), _whole),
    float: Simple("a number", "numbers", (int, float), _number),
    bool: Simple("true or false", "true or false", (bool,), _switch),
    str: Simple("text", "names", (str,), _text),
    types.NoneType: Simple("null", "nulls", (types.NoneType,), _nothing),
}
