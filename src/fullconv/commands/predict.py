"""fullconv predict"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.options import model_options

if TYPE_CHECKING:
    from fullconv.prediction.folder import Job, Outcome

ROWS = 200  # pictures; of more, only the sums are printed, and predictions.jsonl has the rest
WIDEST = 60  # characters of a name in the table


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("masks"), help="Folder for what is written.")
@click.option(
    "--save",
    default="labels,masks,overlay",
    help="What to write, comma between: labels, masks, overlay, scores, polygons, coco, labelme.",
)
@click.option("--tile", type=int, help="Side of tiles in pixels, a multiple of 32; pictures keep their own scale.")
@click.option("--halo", help="Pixels read around a tile, or exact: the labels of the whole picture at once.")
@click.option("--resume", is_flag=True, help="Go on where an earlier run stopped: what it finished is not done again.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON instead of a table.")
@model_options
def predict(
    inputs: tuple[str, ...],
    out: Path,
    save: str,
    tile: int | None,
    halo: str | None,
    resume: bool,
    as_json: bool,
    model: str,
    engine: str,
    precision: str,
    device: str | None,
) -> None:
    """Segment pictures: masks of each picture's own size.

    INPUT is a picture, a folder (its sub-folders are kept) or a glob. For photo.jpg come photo_labels.png (class
    indices, with palette), photo_<class>.png (0/255) for each class found, and photo_overlay.jpg; --save asks for
    others. predictions.jsonl tells what was done with every picture.
    """
    from fullconv import __version__
    from fullconv.outputs.writers import check_outputs
    from fullconv.prediction.folder import parallelism, plan, run
    from fullconv.prediction.manifest import begin, settings_of, unfinished
    from fullconv.prediction.predictor import load
    from fullconv.prediction.tiling import check_tiling
    from fullconv.weights.folder import find_model

    outputs = check_outputs(save)
    jobs = plan(inputs, out)
    streams, threads = parallelism(len(jobs))
    loaded = load(model, engine, precision, device, streams)
    check_tiling(loaded.config, tile, halo)
    settings = settings_of(
        find_model(model), loaded.engine, fullconv=__version__, outputs=sorted(outputs), tile=tile, halo=halo
    )
    todo = unfinished(jobs, out, settings) if resume else jobs
    sums = Sums(earlier=len(jobs) - len(todo))
    with closing(begin(out, settings)) as manifest:
        outcomes = run(loaded, todo, outputs, threads, manifest.add, tile=tile, halo=halo)
        report(sums.over(with_progress(outcomes, todo, as_json)), todo, as_json)
    if not as_json:
        click.echo(f"{sums.line(out)} ({loaded.engine.name}, {loaded.engine.precision})")
    if sums.failed:
        sys.exit(1)


@dataclass
class Sums:
    """What is known of all pictures together; none of them is kept."""

    earlier: int = 0
    done: int = 0
    failed: int = 0
    files: int = 0

    def over(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The same outcomes, counted; errors are told as they come."""
        for outcome in outcomes:
            if outcome.error:
                click.echo(f"error: {outcome.error}", err=True)
            self.failed += bool(outcome.error)
            self.done += not outcome.error
            self.files += len(outcome.outputs)
            yield outcome

    def line(self, out: Path) -> str:
        earlier = f"; {self.earlier} were done before" if self.earlier else ""
        failed = f"; {self.failed} could not be done" if self.failed else ""
        return f"{self.done} pictures, {self.files} files in {out}{earlier}{failed}"


def with_progress(outcomes: Iterator[Outcome], jobs: list[Job], as_json: bool) -> Iterator[Outcome]:
    """The same outcomes behind a bar with the time left, where somebody watches, there is something to wait for, and
    no rows come to the same screen."""
    rows = (as_json or len(jobs) <= ROWS) and sys.stdout.isatty()
    hidden = rows or len(jobs) == 1 or not sys.stderr.isatty()
    with click.progressbar(outcomes, len(jobs), file=sys.stderr, hidden=hidden) as bar:
        yield from bar


def report(outcomes: Iterator[Outcome], jobs: list[Job], as_json: bool) -> None:
    """Prints each outcome as it comes: a JSON array, or a row a picture where they are not too many."""
    if as_json:
        print_array(outcomes)
        return
    width = min(WIDEST, max((len(str(job.source)) for job in jobs), default=0))
    for outcome in outcomes:
        if not outcome.error and len(jobs) <= ROWS:
            click.echo(row(outcome, width))


def print_array(outcomes: Iterable[Outcome]) -> None:
    """An array also where the run is stopped. ASCII only: names that are no UTF-8 survive as well."""
    opening = "["
    try:
        for outcome in outcomes:
            click.echo(f"{opening}\n{json.dumps(outcome.to_json(), indent=2)}", nl=False)
            opening = ","
    finally:
        click.echo("\n]" if opening == "," else "[]")


def row(outcome: Outcome, width: int) -> str:
    """File, size, time, the classes found and their share of the pixels."""
    found = "  ".join(f"{name} {percent(share)}" for name, share in outcome.shares.items())
    name, size = click.format_filename(outcome.source), f"{outcome.width}x{outcome.height}"
    return f"{name:{width}}  {size:>11}  {outcome.seconds * 1000:6.0f} ms  {found}"


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"
