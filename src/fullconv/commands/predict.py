"""fullconv predict"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.options import model_options

if TYPE_CHECKING:
    from fullconv.prediction.folder import Outcome


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", type=click.Path(path_type=Path), default=Path("masks"), help="Folder for what is written.")
@click.option("--save", default="labels,masks,overlay", help="What to write, comma between.")
@click.option("--tile", type=int, help="Side of tiles in pixels, a multiple of 32; pictures keep their own scale.")
@click.option("--halo", help="Pixels read around a tile, or exact: the labels of the whole picture at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON instead of a table.")
@model_options
def predict(
    inputs: tuple[str, ...],
    out: Path,
    save: str,
    tile: int | None,
    halo: str | None,
    as_json: bool,
    model: str,
    engine: str,
    precision: str,
    device: str | None,
) -> None:
    """Segment pictures: masks of each picture's own size.

    INPUT is a picture, a folder (its sub-folders are kept) or a glob. For photo.jpg come photo_labels.png (class
    indices, with palette), photo_<class>.png (0/255) for each class found, and photo_overlay.jpg.
    """
    from fullconv.outputs.writers import check_outputs
    from fullconv.prediction.folder import parallelism, plan, run
    from fullconv.prediction.predictor import load
    from fullconv.prediction.tiling import check_tiling

    outputs = check_outputs(save)
    jobs = plan(inputs, out)
    streams, threads = parallelism(len(jobs))
    loaded = load(model, engine, precision, device, streams)
    check_tiling(loaded.config, tile, halo)
    outcomes = list(with_progress(run(loaded, jobs, outputs, threads, tile=tile, halo=halo), len(jobs)))
    for outcome in outcomes:
        if outcome.error:
            click.echo(f"error: {outcome.error}", err=True)
    click.echo(as_text(outcomes) if as_json else table(outcomes, out))
    if any(outcome.error for outcome in outcomes):
        sys.exit(1)


def with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """The same outcomes behind a bar with the time left, where somebody watches and there is something to wait for."""
    with click.progressbar(outcomes, total, file=sys.stderr, hidden=total == 1 or not sys.stderr.isatty()) as bar:
        yield from bar


def as_text(outcomes: list[Outcome]) -> str:
    return json.dumps([outcome.to_json() for outcome in outcomes], indent=2, ensure_ascii=False)


def table(outcomes: list[Outcome], out: Path) -> str:
    """A line a picture: file, size, time, the classes found and their share of the pixels; then what lies where."""
    done = [outcome for outcome in outcomes if not outcome.error]
    width = max((len(str(outcome.source)) for outcome in done), default=0)
    lines = []
    for outcome in done:
        found = "  ".join(f"{name} {percent(share)}" for name, share in outcome.shares.items())
        size = f"{outcome.width}x{outcome.height}"
        lines.append(f"{outcome.source!s:{width}}  {size:>11}  {outcome.seconds * 1000:6.0f} ms  {found}")
    files = sum(len(outcome.outputs) for outcome in done)
    failed = f"; {len(outcomes) - len(done)} could not be done" if len(done) < len(outcomes) else ""
    return "\n".join([*lines, f"{len(done)} pictures, {files} files in {out}{failed}"])


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"
