"""What the doctor says about one problem: how bad, how many, which files, and the line that mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True, slots=True)
class Case:
    """One file that shows a problem, and what is particular to it."""

    path: Path
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        return {"file": str(self.path), "detail": self.detail}


@dataclass(frozen=True)
class Finding:
    """One kind of problem over the whole data.

    `kind` is the name that docs/check.md explains; `remedy` is text to paste, into the data YAML or the shell. An error
    keeps training from reading the data or makes it learn something false; a warning wants a look; a note is worth
    knowing.
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


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def counted(count: int, noun: str, several: str = "") -> str:
    """ "1 mask", "2 masks"."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"
