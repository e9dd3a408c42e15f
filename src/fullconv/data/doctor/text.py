"""The report as text on one screen, the most serious finding first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.doctor.examination import Report
from fullconv.data.doctor.finding import SEVERITIES, Case, Finding
from fullconv.data.doctor.statistics import Share
from fullconv.view import ranges_in_words
from fullconv.words import counted

FIRST = 3  # files listed per finding
ROWS = 24  # classes listed; if there are more, the most and the least frequent ones
WIDTH = 110
INDENT = " " * 9
WEIGHT = (
    "weight: how much a pixel of the class counts with train --class-weights balanced. Train without it first; "
    "add it if the trained model misses a rare class. The model then finds more of the class, but draws it too wide."
)


def report_text(report: Report) -> str:
    parts = [[_title(report)], *(_finding(finding, report.dataset.root) for finding in report.findings)]
    if report.shares:
        parts += [list(_classes(report.shares, report.dataset.classes)), _channels(report)]
    return "\n".join(line for part in [*parts, [_verdict(report)]] for line in [*part, ""]).rstrip()


def _title(report: Report) -> str:
    splits = ", ".join(f"{split} {share.total}" for split, share in report.shares.items())
    return f"{report.dataset.root}: layout {report.dataset.layout}; pictures: {splits or 'none found'}"


def _finding(finding: Finding, root: Path) -> list[str]:
    """Returns severity and text, then the first files, then the text to paste."""
    lines = textwrap.wrap(f"{finding.text}  [{finding.kind}]", WIDTH - len(INDENT), break_on_hyphens=False)
    lines = [f"{finding.severity:<9}{lines[0]}", *(INDENT + line for line in lines[1:])]
    lines += [INDENT + _case(case, root) for case in finding.cases[:FIRST]]
    if len(finding.cases) > FIRST:
        lines.append(f"{INDENT}and {len(finding.cases) - FIRST} more")
    return lines + [f"{INDENT}> {line}" for line in finding.remedy.splitlines()]


def _case(case: Case, root: Path) -> str:
    path = case.path.relative_to(root) if case.path.is_relative_to(root) else case.path
    return f"{path}: {case.detail}" if case.detail else str(path)


def _classes(held: dict[str, Share], classes: Classes) -> Iterator[str]:
    """Yields a row per class: its share of the pixels of train and val, its balancing weight, and its pictures in every
    split."""
    first = next(iter(held.values()))
    compared = [share for share in held.values() if share is first or share.split == "val"]
    percent = "".join(f"{'% of ' + share.split:>12}" for share in compared)
    yield f"{'class':<24}{percent}{'weight':>9}" + "".join(f"{'in ' + split:>12}" for split in held)
    weights = first.weights()
    for i in _shown(first):
        percent = "".join(f"{share.of_pixels[i]:>12.2%}" for share in compared)
        weight = "-" if weights[i] is None else f"{weights[i]:.3g}"
        pictures = "".join(f"{share.pictures[i]:>12}" for share in held.values())
        yield f"{classes.names[i]:<24}{percent}{weight:>9}{pictures}"
    yield from _explained(compared, len(classes), any(weights))


def _explained(compared: Sequence[Share], count: int, weighted: bool) -> Iterator[str]:
    """Yields lines that say what the columns are."""
    void = ", ".join(f"{_void(share):.1%} of {share.split}" for share in compared)
    yield f"%: share of the labelled pixels; void, which is left out: {void}. in: pictures that show the class"
    if count > ROWS:
        yield f"{counted(count - ROWS, 'class', 'classes')} in between not shown; --json lists all"
    if weighted:
        yield from textwrap.wrap(WEIGHT, WIDTH, break_on_hyphens=False)


def _void(share: Share) -> float:
    return share.void / max(1, share.void + int(share.pixels.sum()))


def _shown(share: Share) -> list[int]:
    indices = list(range(len(share.pixels)))
    if len(indices) <= ROWS:
        return indices
    by_pixels = sorted(indices, key=lambda i: -share.pixels[i])
    return [*by_pixels[: ROWS // 2], *by_pixels[-ROWS // 2 :]]


def _channels(report: Report) -> list[str]:
    if report.channels is None:
        return []
    mean, deviation = ([f"{value:.1f}" for value in each] for each in (report.channels.mean, report.channels.deviation))
    lines = [f"channels: mean {' '.join(mean)}, standard deviation {' '.join(deviation)}"]
    ranges = ranges_in_words(report.ranges)
    return lines + (
        [f"range: {ranges} is mapped to 0 to 255 in training (0.1 and 99.9 percentiles of its pictures)"]
        if ranges
        else []
    )


def _verdict(report: Report) -> str:
    counts = {severity: sum(finding.severity == severity for finding in report.findings) for severity in SEVERITIES}
    said = [counted(count, severity) for severity, count in counts.items() if count]
    return ", ".join(said) or "no problems found"
