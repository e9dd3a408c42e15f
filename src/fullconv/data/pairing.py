"""Pairs images and masks whose names differ, and finds the rule by which they do."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from fullconv.data.partners import name_of, pictures_in

DIGIT = re.compile(r"\d")
Names = Mapping[str, Path]  # a name, relative to its folder and without the file extension → the file


@dataclass(frozen=True)
class Pairing:
    """`pairs` have equal names, or follow `rule`: what the image's name has, and what the mask's has in its place."""

    pairs: dict[str, tuple[Path, Path]]
    images_alone: tuple[Path, ...]
    masks_alone: tuple[Path, ...]
    rule: tuple[str, str] | None = None
    at_end: bool = True  # whether the rule applies to the end of names or to their beginning

    @property
    def is_whole(self) -> bool:
        """Whether every image has its mask and every mask its image."""
        return not self.images_alone and not self.masks_alone


def by_name(folder: Path, deep: bool = True) -> dict[str, Path]:
    return {name_of(path, folder): path for path in pictures_in(folder, deep=deep)}


def pair(pictures: Names, masks: Names) -> Pairing:
    """Pairs equal names first. For the rest, it takes the one replacement, at the end or the beginning, that pairs
    most."""
    equal = {name: (pictures[name], masks[name]) for name in pictures if name in masks}
    pictures = {name: path for name, path in pictures.items() if name not in equal}
    masks = {name: path for name, path in masks.items() if name not in equal}
    ends, starts = _replacement(pictures, masks), _replacement(_reversed(pictures), _reversed(masks))
    at_end = ends[1] >= starts[1]
    rule = ends[0] if at_end else (starts[0][0][::-1], starts[0][1][::-1])
    ruled = _by_rule(pictures, masks, rule, at_end)
    taken = {path for both in ruled.values() for path in both}
    alone = [tuple(path for path in names.values() if path not in taken) for names in (pictures, masks)]
    return Pairing(equal | ruled, alone[0], alone[1], rule if ruled else None, at_end)


def _by_rule(pictures: Names, masks: Names, rule: tuple[str, str], at_end: bool) -> dict[str, tuple[Path, Path]]:
    found = {}
    for name, path in pictures.items():
        partner = replaced(name, rule, at_end)
        if partner is not None and partner in masks:
            found[name] = (path, masks[partner])
    return found


def replaced(name: str, rule: tuple[str, str], at_end: bool) -> str | None:
    """Returns the mask's name by the rule, or None if the rule does not apply to `name`."""
    old, new = rule
    if at_end:
        return name.removesuffix(old) + new if name.endswith(old) else None
    folder, slash, last = name.rpartition("/")
    return folder + slash + new + last.removeprefix(old) if last.startswith(old) else None


def _replacement(pictures: Iterable[str], masks: Iterable[str]) -> tuple[tuple[str, str], int]:
    """Returns (end of the image's name, end of the mask's name in its place) that fits most often, and how often.

    Digits are counters, so they are never part of such an end. One case is not enough for a rule.
    """
    ordered = sorted(masks)
    votes = Counter(
        (name[len(shared) :].partition("/")[0], partner[len(shared) :].partition("/")[0])
        for name in pictures
        for partner in _neighbours(ordered, name)
        if (shared := _beginning(name, partner))
    )
    rules = [(rule, count) for rule, count in votes.most_common() if count > 1 and not DIGIT.search("".join(rule))]
    return rules[0] if rules else (("", ""), 0)


def _neighbours(ordered: Sequence[str], name: str) -> Sequence[str]:
    """Returns the names before and after `name`. One of them has the longest beginning in common with it."""
    i = bisect_left(ordered, name)
    return ordered[max(0, i - 1) : i + 1]


def _beginning(first: str, second: str) -> str:
    """Returns the common beginning of both."""
    pairs = takewhile(lambda both: both[0] == both[1], zip(first, second, strict=False))
    return "".join(letter for letter, _ in pairs)


def _reversed(names: Names) -> list[str]:
    return [name[::-1] for name in names]
