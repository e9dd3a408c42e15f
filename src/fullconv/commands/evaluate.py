"""fullconv evaluate"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fullconv.commands.options import model_options

if TYPE_CHECKING:
    from fullconv.data.dataset import Sample


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--split", default="val", help="Which split to score on.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the numbers to this file too.")
@model_options
def evaluate(
    data: Path, split: str, json_file: Path | None, model: str, engine: str, precision: str, device: str | None
) -> None:
    """Score a model on labelled pictures, each at its own size.

    DATA is a folder whose layout is recognised, or a data YAML. Its classes are matched to the model's by name, and by
    the model's own label mapping.
    """
    from fullconv.files import write_json
    from fullconv.prediction.evaluation import evaluate as run
    from fullconv.prediction.predictor import load

    loaded = load(model, engine, precision, device)
    report = run(loaded, data, split, with_progress)
    if json_file:
        write_json(json_file, report)
    click.echo(f"{data} {split}, {loaded.engine.name} {loaded.engine.precision}, at source size, void left out")
    click.echo(table(report))


def with_progress(samples: Sequence[Sample]) -> Iterator[Sample]:
    with click.progressbar(samples, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield from bar


def table(report: dict[str, Any]) -> str:
    """Per class, then over all."""
    lines = [f"{'class':<24}{'iou':>8}{'accuracy':>10}{'pixels':>12}"]
    for name, row in report["per_class"].items():
        lines.append(f"{name:<24}{number(row['iou']):>8}{number(row['accuracy']):>10}{row['pixels']:>12}")
    lines += [f"{key:<24}{number(value):>8}" for key, value in report.items() if key not in ("per_class", "confusion")]
    return "\n".join(lines)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
