"""The whole examination, from DATA to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset
from fullconv.data.doctor.colours import judge_colours
from fullconv.data.doctor.files import judge_boxes, judge_files, judge_sizes
from fullconv.data.doctor.finding import ERROR, Finding, by_severity, name_list
from fullconv.data.doctor.instances import INSTANCES
from fullconv.data.doctor.names import judge_similar_names
from fullconv.data.doctor.opening import Subject, open_anyway
from fullconv.data.doctor.scan import Facts, scan, unread
from fullconv.data.doctor.shifted import judge_alignment
from fullconv.data.doctor.splits import judge_splits, judge_unused
from fullconv.data.doctor.statistics import Channels, Share, channels, judge_balance, judge_shares, shares
from fullconv.data.doctor.unlabelled import judge_unlabelled
from fullconv.data.doctor.values import is_smoothed, judge_depth, judge_values
from fullconv.data.doctor.white import in_two_ways
from fullconv.data.split_names import examined
from fullconv.data.survey import survey
from fullconv.errors import FullconvError
from fullconv.files import path_of
from fullconv.view import Range

Progress = Callable[[Iterator[Facts], int], Iterable[Facts]]


@dataclass(frozen=True)
class Report:
    """The problems found, most serious first, and statistics of the data."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    shares: dict[str, Share]
    channels: Channels | None
    # per channel: the range that becomes 0 to 255 when training on images of more than 8 bits
    ranges: tuple[Range, ...] = ()

    @property
    def failed(self) -> bool:
        return any(finding.severity == ERROR for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "data": str(self.dataset.root), "layout": self.dataset.layout,
            "classes": list(self.dataset.classes.names),
            "findings": [finding.to_json() for finding in self.findings],
            "splits": {split: share.to_json(self.dataset.classes) for split, share in self.shares.items()},
            "channels": self.channels.to_json() if self.channels else None,
            "range": [list(pair) for pair in self.ranges],
        }  # fmt: skip


def check(
    data: str | Path, progress: Progress = lambda facts, total: facts, outside: Sequence[str | Path] = ()
) -> Report:
    """Checks labelled pictures for problems before training, and returns a report; every file of `data`
    that is used is read.

    `data` is a folder or a data YAML. Files that its lists and annotations refer to must be in its folder or in one of
    `outside`. Raises FullconvError only if the path does not exist; every other problem is a finding.
    """
    subject = open_anyway(path_of("data", data), outside)
    pictures = unread(examined(subject.dataset.splits))
    facts = list(progress(scan(pictures), len(pictures)))
    subject = subject if subject.named else _with_counted_classes(subject, facts)
    classes = subject.dataset.classes
    held = shares(facts, classes)
    findings = [*subject.findings, *judge_files(facts), *judge_sizes(facts), *judge_depth(facts)]
    own, file = subject.own or classes, subject.file
    meaning = [*judge_colours(facts, own, subject.named, file), *judge_values(facts, own, subject.named, file)]
    meaning += [*judge_boxes(facts, classes), *(judge_similar_names(classes, own, file) if subject.named else [])]
    # otherwise the counts mean nothing yet
    is_clear = subject.named and not any(finding.kind == INSTANCES for finding in subject.findings)
    if is_clear and not any(finding.severity == ERROR for finding in meaning):
        meaning += judge_balance(facts, held, classes, own, file)
        meaning += judge_shares(held, classes, path_of("data", data), subject.held_back)
    findings = [
        *findings,
        *meaning,
        *judge_alignment(facts),
        *judge_splits(facts, file, subject.assumed),
        *judge_unused(subject.dataset, file),
        *judge_unlabelled(subject.dataset, facts),
    ]
    return Report(subject.dataset, by_severity(findings), held, channels(facts), ranges_of(facts, classes))


def ranges_of(facts: Sequence[Facts], classes: Classes) -> tuple[Range, ...]:
    """Returns the ranges that training would measure on the training split. Empty if any image has 8 bits."""
    trained = [each.sample for each in facts if "train" in each.splits] or [each.sample for each in facts]
    if not any(each.image and each.image.is_deep for each in facts):
        return ()
    try:
        return survey(trained, classes).ranges()
    except FullconvError:  # a finding reports it
        return ()


def _with_counted_classes(subject: Subject, facts: Sequence[Facts]) -> Subject:
    """Adds as many unnamed classes as the masks contain, and the finding that they need names."""
    steady = [each for each in facts if each.mask and not each.mask.error and not is_smoothed(each, named=False)]
    seen = {value for each in steady if each.mask for value in each.mask.pixels}
    top = max(seen - {VOID}, default=0)
    names = [f"class_{i}" for i in range(max(2, top + 1))]
    dataset = replace(subject.dataset, classes=Classes.named(names))
    if len(seen) == 1 and len(steady) == sum(each.mask is not None for each in facts):
        text = f"all masks contain only the value {min(seen)}, so there is nothing to learn"
        single = Finding("nothing-to-learn", ERROR, text, remedy="label at least two classes")
        return replace(subject, dataset=dataset, findings=(*subject.findings, single))
    if seen <= {0, VOID} or in_two_ways(steady, named=False):  # another finding reports what these masks mean
        return replace(subject, dataset=dataset)
    remedy = f"path: {subject.dataset.root.resolve()}\n{name_list(['background', *names[1:]])}"
    text = f"the classes have no names; mask values go up to {top}"
    return replace(subject, dataset=dataset, findings=(*subject.findings, Finding("no-names", ERROR, text, (), remedy)))
