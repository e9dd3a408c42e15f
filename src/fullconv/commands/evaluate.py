"""fullconv evaluate"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fullconv.classes import UnknownClass
from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.paths import PATH
from fullconv.commands.progress import each_with_bar
from fullconv.commands.shared_options import (
    Listed,
    OneOf,
    Words,
    check_data,
    memory_option,
    model_options,
    outside_option,
    tta_option,
)
from fullconv.commands.terminal import fail, note, printed_log, say
from fullconv.errors import FullconvError, UnknownValue
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.figures.report import Subject
    from fullconv.prediction.predictor import Model

NUMBER = re.compile(r"-?\d[\d.]*(?:e[+-]\d+)?")


@click.command()
@click.argument("data", type=PATH)
@click.option(
    "--split",
    default="val",
    help="Split to score the model on, or 'all' for every picture of DATA, for example of a test folder.",
)
@click.option(
    "--definition",
    type=OneOf(["mmseg", "torchmetrics", "paddleseg"]),
    default="mmseg",
    help="Library whose definition of mean IoU to use. They differ for absent classes. Caffe and the paper define "
    "it as mmseg does.",
)
@click.option("--worst", type=click.IntRange(0), default=0, help="List this many of the pictures, worst first.")
@click.option(
    "--merge-to",
    cls=Listed,
    type=Words(),
    help="Score only these classes (separated by commas). All others count as background, in truth and prediction.",
)
@click.option("--interval", is_flag=True, help="Add a 95 % bootstrap interval for the mean IoU, resampled by picture.")
@click.option(
    "--thin",
    is_flag=True,
    help="Add scores for thin structures such as cracks: precision, recall and F1 within 2 pixels, and clDice.",
)
@click.option("--confusion", type=PATH, help="Draw the confusion matrix to this .png or .svg file.")
@click.option(
    "--report",
    type=PATH,
    help="Write a report to this .html file: the numbers, the confusion matrix, and the pictures, worst first.",
)
@tta_option
@json_option
@memory_option()
@outside_option
@model_options
def evaluate(
    data: Path,
    split: str,
    definition: str,
    worst: int,
    merge_to: tuple[str, ...] | None,
    interval: bool,
    thin: bool,
    confusion: Path | None,
    report: Path | None,
    tta: bool,
    json_file: str | None,
    model: str,
    engine: str,
    precision: str,
    device: str | None,
    outside: tuple[Path, ...],
) -> None:
    """Score a model on labelled pictures, each at its own size.

    DATA is a folder in a known layout, or a data YAML. Its classes are matched to the model's classes by name, and by
    the label mappings of both.
    """
    from fullconv.data.dataset import ALL
    from fullconv.evaluation.mean_iou import DEFINITIONS, check_definition
    from fullconv.evaluation.scoring import numbers_of, score
    from fullconv.prediction.predictor import load

    if confusion:
        check_drawing(confusion)
    check_page(report, merge_to)
    check_definition(definition)
    check_data(data)
    loaded = load(model, engine, precision, device)
    loaded = loaded.mirrored() if tta else loaded
    with printed_log(), named_default(model):
        scored = score(loaded, data, split, each_with_bar, merge_to or (), interval, outside, thin)
    numbers = numbers_of(scored, definition, worst, interval)
    print_problems(numbers)
    write_document(json_file, **numbers)
    where = "all splits" if split == ALL else split
    ran = f"{where}, {loaded.engine.name} {loaded.engine.precision}{', with mirror images' if tta else ''}"
    if not prints_json(json_file):
        say(f"{data}: {counted(len(scored.pictures), 'picture')} of {ran}, at source size, void left out")
        say(f"mean IoU as {definition}: {DEFINITIONS[definition]}")
        if merge_to:
            several = counted(len(loaded.classes), "class", "classes")
            say(f"predicted among {several}; those not listed count as background")
        say(table(numbers))
    if report:
        from fullconv.figures.report import Subject

        title = f"{loaded.config.name} on {data.resolve().name}, {split}"
        write_page(report, loaded, Subject(title, numbers, scored.pictures), model, data)
    if confusion:
        draw(numbers, f"{loaded.config.name} on {data.resolve().name} {ran}", confusion)
    if "skipped" in numbers:
        sys.exit(1)


@contextmanager
def named_default(model: str) -> Iterator[None]:
    """Adds to an error about a class of the data which model was used, if the user named none."""
    try:
        yield
    except UnknownClass as error:
        if click.get_current_context().get_parameter_source("model") is not ParameterSource.DEFAULT:
            raise
        raise FullconvError(
            f"no --model was given, so the bundled model {model} was used; --model names another; {error}"
        ) from None


def print_problems(report: dict[str, Any]) -> None:
    """Prints an error for each file that could not be read, and each kind of note for the first file that has it."""
    skipped, notes = report.get("skipped", {}), report.get("notes", {})
    for error in skipped.values():
        fail(error)
    if skipped:
        note(f"not scored: {counted(len(skipped), 'picture')}")
    for files in by_kind(notes).values():
        path, text = next(iter(files.items()))
        others = f" (the same applies to {len(files)} pictures in all)" if len(files) > 1 else ""
        note(f"{path}: {text}{others}")


def by_kind(notes: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """{kind: {file: note}}. Notes are of one kind if they differ in their numbers only."""
    kinds: dict[str, dict[str, str]] = {}
    for path, found in notes.items():
        for text in found:
            kinds.setdefault(NUMBER.sub("", text), {})[path] = text
    return kinds


def check_page(path: Path | None, merge_to: tuple[str, ...] | None) -> None:
    """Raises FullconvError, before any work is done, if the report could not be written at the end."""
    if path and path.suffix.lower() not in (".html", ".htm"):
        raise UnknownValue(f"{path}: the report is an HTML page; give a name that ends in .html")
    if path and merge_to:
        raise FullconvError("--report shows all classes of the model; remove --merge-to")


def write_page(path: Path, loaded: Model, subject: Subject, model: str, data: Path) -> None:
    """Writes the report. For a model of a training run, it tells what the run's own report does."""
    from fullconv.figures.report import write_report
    from fullconv.training.run_report import commands_of_model, run_of, with_run
    from fullconv.weights.model_folder import find_model

    run = run_of(find_model(model))
    told = with_run(subject, run) if run else replace(subject, commands=tuple(commands_of_model(model, data)))
    note(f"wrote {write_report(path, loaded, told)}")


def check_drawing(path: Path) -> None:
    """Raises FullconvError, before any work is done, if the confusion matrix could not be drawn at the end."""
    from fullconv.errors import missing_extra
    from fullconv.figures.canvas import check_format

    check_format(path)
    if find_spec("matplotlib") is None:
        raise missing_extra("matplotlib", "figures")


def draw(report: dict[str, Any], title: str, path: Path) -> None:
    from fullconv.figures.confusion import draw_confusion

    note(f"wrote {draw_confusion(report['confusion'], list(report['per_class']), title).save(path)}")


def table(report: dict[str, Any]) -> str:
    """Returns a row for each class, then the means over all classes."""
    lines = [f"{'class':<24}{'iou':>8}{'accuracy':>10}{'pixels':>12}"]
    for name, row in report["per_class"].items():
        lines.append(f"{name:<24}{number(row['iou']):>8}{number(row['accuracy']):>10}{row['pixels']:>12}")
    means = {key: value for key, value in report.items() if value is None or isinstance(value, float)}
    lines += [f"{key:<24}{number(value):>8}" for key, value in means.items()]
    if report.get("mean_iou_interval"):
        low, high = report["mean_iou_interval"]
        lines.append(f"{'mean_iou, 95 % interval':<24}{number(low):>8} to {number(high)}")
    return "\n".join([*lines, *thin_rows(report.get("thin")), *worst_rows(report.get("worst", []))])


def thin_rows(thin: dict[str, Any] | None) -> Iterator[str]:
    """Yields the scores for thin structures, a row for each class; nothing if they were not requested."""
    if thin:
        tolerance = f"within {thin['tolerance']} pixels"
        yield f"\n{tolerance:<24}{'precision':>10}{'recall':>8}{'f1':>8}{'clDice':>8}"
        for name, row in thin["per_class"].items():
            values = [number(row[key]) for key in ("precision", "recall", "f1", "cldice")]
            yield f"{name:<24}{values[0]:>10}{''.join(f'{value:>8}' for value in values[1:])}"


def worst_rows(worst: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yields a row for each of the worst pictures, with its most common error."""
    if worst:
        width = max(24, *(len(row["file"]) + 2 for row in worst))
        yield f"\n{'worst':<{width}}{'mean iou':>8}  most common error"
        for row in worst:
            error = row["confused"]
            words = confusion(**error) if error else "none"
            yield f"{row['file']:<{width}}{number(row['mean_iou']):>8}  {words}"


def confusion(truth: str, prediction: str, pixels: int) -> str:
    return f"{counted(pixels, 'pixel')} of {truth} predicted as {prediction}"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
