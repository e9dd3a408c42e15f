"""Finds masks that are all shifted alike against their pictures."""

from __future__ import annotations

from collections.abc import Sequence

from fullconv.data.alignment import REMEDY, shift_of
from fullconv.data.doctor.finding import WARNING, Case, Finding
from fullconv.data.doctor.scan import Facts


def judge_alignment(facts: Sequence[Facts]) -> list[Finding]:
    found = [(each, each.alignment) for each in facts if each.alignment]
    shift = shift_of([alignment for _, alignment in found])
    if shift is None:
        return []
    cases = tuple(Case(each.mask_path) for (each, _), agrees in zip(found, shift.agreeing, strict=True) if agrees)
    return [Finding("masks-shifted", WARNING, shift.text, cases, REMEDY)]
