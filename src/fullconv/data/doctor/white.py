"""Finds data in which some masks show the object as 255 and others as a number: the former would be void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fullconv.classes import VOID, Classes
from fullconv.data.doctor.facts import DRAWN, MaskFacts
from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding, name_values
from fullconv.data.doctor.scan import Facts
from fullconv.words import counted

SHOWN = 5  # values listed in one line
BACKGROUND, OBJECT = "background", "object"


@dataclass(frozen=True)
class TwoWays:
    """Masks with only 0 and 255, those with other values, and these values."""

    white: tuple[Facts, ...]
    numbered: tuple[Facts, ...]
    values: tuple[int, ...]

    @property
    def listed(self) -> str:
        shown = ", ".join(map(str, self.values[:SHOWN]))
        return f"{shown} …" if len(self.values) > SHOWN else shown


def in_two_ways(facts: Sequence[Facts], named: bool) -> TwoWays | None:
    """Returns None unless there are masks of both kinds, and 255 stands for void but never beside an object.

    Without names, 255 stands for void only if the other values are 0, 1, 2 …
    """
    masks = [(each, set(each.mask.pixels)) for each in facts if each.mask and _may_be_white(each, each.mask)]
    white = tuple(each for each, values in masks if values == {0, VOID})
    numbered = tuple(each for each, values in masks if values - {0, VOID})
    found = {value for _, values in masks for value in values} - {0, VOID}
    beside = any(VOID in values and values - {0, VOID} for _, values in masks)
    if not white or not numbered or beside or not (named or found == set(range(1, len(found) + 1))):
        return None
    return TwoWays(white, numbered, tuple(sorted(found)))


def _may_be_white(facts: Facts, mask: MaskFacts) -> bool:
    lookup = facts.sample.lookup
    return mask.mode != DRAWN and not mask.error and lookup[VOID] == VOID and lookup[0] != VOID


def judge_white(facts: Sequence[Facts], classes: Classes, named: bool) -> list[Finding]:
    found = in_two_ways(facts, named)
    if found is None:
        return []
    text = (
        f"{counted(len(found.white), 'mask')} with only 0 and 255, and {len(found.numbered)} with {found.listed} "
        f"but no 255 (such as {found.numbered[0].mask_path.name}): is 255 an object or void?"
    )
    cases = tuple(Case(each.mask_path) for each in found.white)
    return [Finding("white-in-some", WARNING if named else ERROR, text, cases, _remedy(found, classes, named))]


def _remedy(found: TwoWays, classes: Classes, named: bool) -> str:
    if found.values != (1,) or (named and len(classes) != 2):
        return "save these masks again with the number of their class; if 255 means void, do nothing"
    background, other = classes.names if named else (BACKGROUND, OBJECT)
    return f"{name_values({0: background, 1: other, VOID: other})}  # unless 255 is void"
