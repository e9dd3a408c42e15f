"""Plain values become a dataclass, or one line that names the wrong one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullconv.errors import FullconvError
from fullconv.typed_json import build_dataclass, describe_type


@dataclass(frozen=True)
class Inner:
    names: tuple[str, ...]
    pair: tuple[int, float] | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner
    count: int = 1
    rate: float = 0.5
    name: str = "a"
    flag: bool = False
    weights: str | tuple[float, ...] = "none"
    counts: dict[str, int] = field(default_factory=dict)
    other: Any = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise FullconvError("count must be 0 or more")


def outer(**values):
    return build_dataclass(Outer, {"inner": {"names": ["a"]}, **values}, "x.json")


def test_right_values_become_the_dataclass_with_tuples_for_lists():
    values = {"inner": {"names": ["a", "b"], "pair": [1, 2.5]}, "count": 3, "rate": 1, "weights": [1, 2.0],
              "counts": {"cat": 2}, "other": [1, [2]]}  # fmt: skip
    expected = Outer(Inner(("a", "b"), (1, 2.5)), 3, 1, weights=(1, 2.0), counts={"cat": 2}, other=[1, [2]])
    assert build_dataclass(Outer, values, "x.json") == expected
    assert outer(weights="balanced").weights == "balanced"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": "3"}, "x.json: count must be a whole number, not '3'"),
        ({"count": True}, "x.json: count must be a whole number, not True"),
        ({"count": 1.0}, "x.json: count must be a whole number, not 1.0"),
        ({"rate": "1e-3"}, "x.json: rate must be a number, not '1e-3'"),
        ({"rate": False}, "x.json: rate must be a number, not False"),
        ({"rate": float("nan")}, "x.json: rate must be a number, not nan"),
        ({"name": None}, "x.json: name must be text, not None"),
        ({"flag": 1}, "x.json: flag must be true or false, not 1"),
        ({"weights": 1.0}, "x.json: weights must be text or a list of numbers, not 1.0"),
        ({"weights": [1, "a"]}, "x.json: weights[1] must be a number, not 'a'"),
        ({"counts": [1]}, "x.json: counts must be a mapping of keys to values, not [1]"),
        ({"counts": {"cat": "2"}}, "x.json: counts.cat must be a whole number, not '2'"),
        ({"counts": {2: 2}}, "x.json: a key of counts must be text, not 2"),
        ({"inner": None}, "x.json: inner must be a mapping of keys to values, not None"),
        ({"inner": {"names": "cat"}}, "x.json: inner.names must be a list of names, not 'cat'"),
        (
            {"inner": {"names": [], "pair": [1]}},
            "x.json: inner.pair must be a list of 2 whole numbers or null, not [1]",
        ),
        ({"inner": {}}, "x.json: inner: names is missing"),
        ({"inner": {"names": [], "nmae": 1}}, "x.json: inner: unknown key 'nmae'; did you mean names?"),
        (
            {"zzz": 1},
            "x.json: unknown key 'zzz'; choose from inner, count, rate, name, flag, weights, counts, other",
        ),
        ({"count": -1}, "x.json: count must be 0 or more"),
    ],
)
def test_a_wrong_one_is_named_with_its_file_its_key_and_its_type(values, message):
    with pytest.raises(FullconvError) as error:
        outer(**values)
    assert str(error.value) == message


def test_a_value_that_is_not_a_mapping_is_reported():
    with pytest.raises(FullconvError, match=r"x\.json must be a mapping of keys to values, not \[1\]"):
        build_dataclass(Outer, [1], "x.json")


def test_types_in_words():
    assert describe_type(tuple[tuple[int, int, int], ...]) == "a list of lists of 3 whole numbers"
    assert describe_type(tuple[bool, ...]) == "a list of true or false"


words = st.sampled_from(["", "a", "cat", "1"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(words, inside, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["inner", "count", "rate", "name", "flag", "weights", "counts"]), json_values))
def test_any_json_is_a_dataclass_or_one_line(values):
    message = "x.json"
    try:
        assert isinstance(build_dataclass(Outer, values, "x.json"), Outer)
    except FullconvError as error:
        message = str(error)
    assert message.startswith("x.json")
    assert "\n" not in message
