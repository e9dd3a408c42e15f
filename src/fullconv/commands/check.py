"""fullconv check"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.shared_options import outside_option
from fullconv.commands.terminal import is_watched, say

if TYPE_CHECKING:
    from fullconv.data.doctor.examination import Report
    from fullconv.data.doctor.scan import Facts

FILE = click.Path(path_type=Path)
EXAMPLES = 24  # pairs on a sheet


@click.command()
@click.argument("data", type=FILE)
@json_option
@click.option("--sheet", type=FILE, help="Write a sheet of sample pictures with their masks to this .png or .jpg.")
@outside_option
def check(data: Path, json_file: str | None, sheet: Path | None, outside: tuple[Path, ...]) -> None:
    """Examine labelled pictures before training. Every file is read.

    DATA is a folder or a data YAML; it may be one that training refuses. For each problem you get the number of files,
    the first of them, and a line to paste that fixes it. The exit code is 1 if there are errors, else 0.
    """
    from fullconv.data.doctor.examination import check as examine
    from fullconv.data.doctor.text import written
    from fullconv.outputs.sheet import check_format

    if sheet:
        check_format(sheet)
    report = examine(data, with_progress, outside)
    write_document(json_file, **report.to_json())
    if sheet:
        draw(report, sheet)
    if not prints_json(json_file):
        say(written(report))
    if report.failed:
        sys.exit(1)


def with_progress(facts: Iterator[Facts], total: int) -> Iterator[Facts]:
    with click.progressbar(facts, total, file=sys.stderr, hidden=not is_watched()) as bar:
        yield from bar


def draw(report: Report, path: Path) -> None:
    from fullconv.data.doctor.examples import examples
    from fullconv.outputs.sheet import write_sheet

    write_sheet(list(examples(report, EXAMPLES)), report.dataset.classes, path)
