"""fullconv check"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.paths import PATH
from fullconv.commands.progress import each_with_bar, with_bar
from fullconv.commands.shared_options import outside_option
from fullconv.commands.terminal import note, printed_log, say
from fullconv.logger import muted
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.data.doctor.examination import Report
    from fullconv.evaluation.folds import Judges
    from fullconv.evaluation.suspects import Suspicion

EXAMPLES = 24  # pairs of picture and mask on a sheet
LISTED = 20  # pictures with suspected labels that are printed at most


@click.command()
@click.argument("data", type=PATH)
@json_option
@click.option(
    "--sheet", type=PATH, help="Write a contact sheet of sample pictures and masks to this .png or .jpg file."
)
@click.option(
    "-m",
    "--model",
    help="Model or training run to compare the labels with; lists labels that it confidently contradicts.  "
    "[default: none]",
)
@outside_option
def check(data: Path, json_file: str | None, sheet: Path | None, model: str | None, outside: tuple[Path, ...]) -> None:
    """Check labelled pictures for problems before training. Every file is read.

    DATA is a folder or a data YAML, even one that training refuses. For each problem, fullconv prints the number of
    files affected, the first few of them, and what fixes it: lines to paste into the data YAML or the shell where
    that is possible, otherwise a sentence. The exit code is 1 if there are errors, and 0 otherwise. With --model,
    labels that may be wrong are listed too, and the sheet shows them.
    """
    from fullconv.data.doctor.examination import check as examine
    from fullconv.data.doctor.text import report_text
    from fullconv.outputs.sheet import check_format

    if sheet:
        check_format(sheet)
    with printed_log():
        report = examine(data, with_bar, outside)
    with muted():  # the data are opened again
        doubts = suspected(data, model, outside) if model else None
    write_document(json_file, **report.to_json(), **(doubts.to_json() if doubts else {}))
    if sheet and doubts:
        note(f"wrote {doubts.draw(sheet)}")
    elif sheet:
        note(f"wrote {draw(report, sheet)}")
    if not prints_json(json_file):
        say(report_text(report))
        if doubts:
            say(f"\n{doubts.table()}")
    if report.failed:
        sys.exit(1)


@dataclass(frozen=True)
class Doubts:
    """The labels that a model doubts, the most suspicious first. `unsure`: a warning if the model may have been trained
    on these pictures, or ""."""

    suspicions: Sequence[Suspicion]
    judges: Judges
    unsure: str

    def to_json(self) -> dict[str, Any]:
        classes = self.judges.other.classes
        return {"suspects": [suspicion.to_json(classes) for suspicion in self.suspicions], "unsure": self.unsure}

    def draw(self, sheet: Path) -> Path:
        from fullconv.evaluation.suspect_sheet import write_suspects

        return write_suspects(self.suspicions[:EXAMPLES], self.judges, self.judges.other.classes, sheet)

    def table(self) -> str:
        """Returns a row for each picture, with its most suspicious region."""
        if not self.suspicions:
            return "no label is suspected"
        from fullconv.evaluation.folds import place_of

        names, root = self.judges.other.classes.names, self.judges.root
        lines = [f"suspected labels in {counted(len(self.suspicions), 'picture')}, the most suspicious first"]
        for suspicion in self.suspicions[:LISTED]:
            first = suspicion.suspects[0]
            words = (
                f"{names[first.label]} may be {names[first.suggested]}, {counted(first.pixels, 'pixel')} in {first.box}"
            )
            lines.append(f"{suspicion.weight:>8.4f}  {place_of(suspicion.sample, root)}: {words}")
        if (more := len(self.suspicions) - LISTED) > 0:
            lines.append(f"and {more} more; --json lists all of them")
        return "\n".join([*lines, *([self.unsure] if self.unsure else [])])


def suspected(data: Path, model: str, outside: Sequence[Path]) -> Doubts:
    from fullconv.evaluation.folds import judges_of
    from fullconv.evaluation.scoring import dataset_for
    from fullconv.evaluation.suspects import find_suspects
    from fullconv.prediction.predictor import load

    judges = judges_of(model, data, load)
    dataset = dataset_for(judges.other, data, outside)
    judges = replace(judges, root=dataset.root)
    return Doubts(find_suspects(judges, dataset.pictures, each_with_bar), judges, judges.unsure(dataset.pictures))


def draw(report: Report, path: Path) -> Path:
    from fullconv.data.doctor.examples import examples
    from fullconv.outputs.sheet import write_sheet

    return write_sheet(list(examples(report, EXAMPLES)), report.dataset.classes, path, bright=True)
