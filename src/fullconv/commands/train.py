"""fullconv train"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from fullconv.commands.shared_options import Numbers, Side

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("data", type=FILE, required=False)
@click.option("--arch", help="fcn32s … fcn2s, unet, segnet, encoder-only and others.  [default: that of --weights]")
@click.option(
    "--trunk",
    help="Any timm network with features at the strides needed.  [default: that of --weights]",
)
@click.option(
    "--trunk-weights",
    type=FILE,
    help="A file of the trunk's ImageNet weights; or imagenet: from an installed package or timm's hub.",
)
@click.option("--weights", type=FILE, help="Start from a model, or from what fits of it.  [default: photos]")
@click.option(
    "--teacher",
    type=FILE,
    help="A model to learn from beside the labels, or a folder of its scores; also on pictures without labels.",
)
@click.option("--recipe", type=FILE, help="YAML with whatever differs from the defaults.")
@click.option("--staged", is_flag=True, default=None, help="32s first, then each finer stride from the one before.")
@click.option("--epochs", type=int, help="Of each stage, where staged.")
@click.option("--batch-size", type=int, help="Pictures a step, over all processes.")
@click.option("--accumulate", type=int, help="Parts in which a batch is worked on, for less memory.")
@click.option("--crop-size", type=int, help="Side of the training crops in pixels.")
@click.option(
    "--longest-side",
    type=Side(),
    help="Larger pictures are reduced to so many pixels, or none: never.  "
    "[default: 512, where the masks lose nothing by it]",
)
@click.option(
    "--range",
    type=Numbers(float),
    help="The values that become 0 and 255, as in 0,3000; or a pair a band.  "
    "[default: 0.1 to 99.9 % of the training pictures, where these have more than 8 bits]",
)
@click.option("--lr", type=float, help="Peak learning rate.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]))
@click.option("--workers", type=int, help="Processes that read and augment pictures.")
@click.option("--seed", type=int)
@click.option("--track", help="tensorboard, wandb, mlflow, comma between, or none.  [default: tensorboard]")
@click.option("--out", type=FILE, help="Folder of the run.  [default: runs/train]")
@click.option("--resume", type=FILE, help="Folder of a run to go on with.")
@click.option("--from", "repeats", type=FILE, help="Folder of a run to make again, with the same data and weights.")
def train(data: Path | None, out: Path | None, resume: Path | None, repeats: Path | None, **changes: Any) -> None:
    """Train a model on labelled pictures.

    DATA is a folder whose layout is recognised, or a data YAML; with --from or --resume it need not be given. What is
    given here overrides the recipe.
    """
    from fullconv.errors import missing_extra

    for library in ("torch", "torchvision", "timm", "accelerate", "safetensors"):
        if find_spec(library) is None:
            raise missing_extra(library, "train")
    from fullconv.training.pictures import SKIPPED, Skipped
    from fullconv.training.processes import rank_and_count
    from fullconv.training.train import train as run

    data, changes = inputs(data, resume, repeats, changes)
    folder = resume or out or (repeats.with_name(f"{repeats.name}-again") if repeats else Path("runs/train"))
    model = run(data, folder, resume=resume is not None, repeats=repeats, **changes)
    if rank_and_count()[0] == 0:
        click.echo(f"model: {model}")
        click.echo(f"again: fullconv train --from {folder}")
    skipped = Skipped(folder / SKIPPED)
    if skipped.all():
        click.echo(f"pictures left out: {len(skipped.all())}; {skipped.path} names them", err=True)
        sys.exit(1)


def inputs(
    data: Path | None, resume: Path | None, repeats: Path | None, changes: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """(DATA, the options) with what an earlier run's manifest says of data and weights, where that is not given."""
    from fullconv.training.manifest import MANIFEST
    from fullconv.training.reproduction import sources_of

    if resume and repeats:
        raise click.UsageError("--resume goes on with a run, --from makes it anew; give one of them")
    earlier = resume or repeats
    if earlier is None:
        if data is None:
            raise click.UsageError("Missing argument 'DATA'; only --from and --resume know it from an earlier run.")
        return data, changes
    if resume and data and not (resume / MANIFEST).is_file():
        return data, changes  # stopped before it was written, or made by an earlier version
    lay = sources_of(earlier)
    weights = {key: changes[key] or getattr(lay, key) for key in ("trunk_weights", "weights", "teacher")}
    return data or lay.data, {**changes, **weights}
