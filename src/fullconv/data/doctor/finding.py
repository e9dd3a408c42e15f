"""One problem found by the check: severity, number of files, which files, and what corrects it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.classes import Colour
from fullconv.yaml_files import flow

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
KEY = re.compile(r"\w+:")  # how a line of YAML begins
NEXT = "\n  - "  # between two items of a YAML list
ITEMS = re.compile(rf"(?<=:)(?:{NEXT}.+)+")


@dataclass(frozen=True, slots=True)
class Case:
    """One file with a problem, and its details."""

    path: Path
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        return {"file": str(self.path), "detail": self.detail}


@dataclass(frozen=True)
class Finding:
    """One kind of problem in the whole data.

    `kind` is the name that docs/check.md explains. `remedy` is text to paste into the data YAML or the shell, or a
    sentence where neither can help. An error stops training or makes it learn something wrong; a warning should be
    checked; a note is only information.
    """

    kind: str
    severity: str
    text: str
    cases: tuple[Case, ...] = ()
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "severity": self.severity, "text": self.text, "count": len(self.cases),
            "cases": [case.to_json() for case in self.cases], "remedy": self.remedy,
        }  # fmt: skip

    def in_one_line(self, place: str) -> str:
        """Returns text and remedy as the message of an error. `place`: where lines of a data YAML are to be written."""
        remedy = _in_one_line(self.remedy)
        write = f"write in {place}: " if KEY.match(remedy) else ""
        return "; ".join(part for part in (self.text, f"{write}{remedy}") if part)


def _in_one_line(remedy: str) -> str:
    """Writes lists with an item a line as [a, b]."""
    joined = ITEMS.sub(lambda found: f" [{found[0].strip().removeprefix('- ').replace(NEXT, ', ')}]", remedy)
    return joined.replace("\n", " and ")


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def name_list(names: Sequence[str], key: str = "names") -> str:
    return f"{key}: {flow(list(names))}"


def name_values(table: Mapping[int, str]) -> str:
    """Returns values and their names, or a plain list if the values are 0, 1, 2 … A name may have several values."""
    if list(table) == list(range(len(table))):
        return name_list(list(table.values()))
    names = dict.fromkeys(table.values())
    return _with_labels([(name, ", ".join(str(v) for v, own in table.items() if own == name)) for name in names])


def skip_zero(names: Sequence[str]) -> str:
    """Returns names from id 1 on; 0 becomes void."""
    return f"{name_list(names)}\nreduce_zero_label: true"


def name_colours(table: Mapping[Colour, str]) -> str:
    """Returns names and their colours in colour masks. Masks of one channel keep their numbers."""
    return f"{name_list(list(table.values()))}\ncolours: {list(map(list, table))}"


def name_only_colours(table: Mapping[Colour, str]) -> str:
    """Returns the same if numbers mean nothing: palette masks are then read by their colours too."""
    return _with_labels([(name, str(list(colour))) for colour, name in table.items()])


def _with_labels(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(["names:", *(f"  - {{name: {flow(name)}, labels: [{label}]}}" for name, label in rows)])
