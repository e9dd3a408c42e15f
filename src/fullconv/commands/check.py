"""fullconv check"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fullconv.data.doctor.examination import Report
    from fullconv.data.doctor.scan import Facts

FILE = click.Path(path_type=Path)
EXAMPLES = 24  # pairs on a sheet


@click.command()
@click.argument("data", type=FILE)
@click.option("--json", "json_file", type=FILE, help="Write all findings, with every file, to this JSON file.")
@click.option("--sheet", type=FILE, help="Write a sheet of sample pictures with their masks to this .png or .jpg.")
def check(data: Path, json_file: Path | None, sheet: Path | None) -> None:
    """Examine labelled pictures before training. Every file is read.

    DATA is a folder or a data YAML; it may be one that training refuses. For each problem you get the number of files,
    the first of them, and a line to paste that fixes it. The exit code is 1 if there are errors, else 0.
    """
    from fullconv.data.doctor.examination import check as examine
    from fullconv.data.doctor.text import written
    from fullconv.files import write_json
    from fullconv.outputs.sheet import check_format

    if sheet:
        check_format(sheet)
    report = examine(data, with_progress)
    if json_file:
        write_json(json_file, report.to_json())
    if sheet:
        draw(report, sheet)
    click.echo(written(report))
    if report.failed:
        sys.exit(1)


def with_progress(facts: Iterator[Facts], total: int) -> Iterator[Facts]:
    with click.progressbar(facts, total, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield from bar


def draw(report: Report, path: Path) -> None:
    from fullconv.data.doctor.examples import examples
    from fullconv.outputs.sheet import write_sheet

    write_sheet(list(examples(report, EXAMPLES)), report.dataset.classes, path)
