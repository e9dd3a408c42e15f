"""fullconv train"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("data", type=FILE, required=False)
@click.option("--arch", help="fcn32s … fcn2s, unet, segnet, encoder-only and others.  [default: fcn8s]")
@click.option("--trunk", help="Any timm network with features at the strides needed.  [default: tf_efficientnet_lite0]")
@click.option("--trunk-weights", type=FILE, help="ImageNet weights from a local file.  [default: from timm's hub]")
@click.option("--weights", type=FILE, help="Start from a model of the same classes: alike, or a coarser FCN.")
@click.option("--recipe", type=FILE, help="YAML with whatever differs from the defaults.")
@click.option("--epochs", type=int)
@click.option("--batch-size", type=int)
@click.option("--crop-size", type=int, help="Side of the training crops in pixels.")
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
    from fullconv.training.stages import train as run

    data, changes = inputs(data, resume, repeats, changes)
    folder = resume or out or (repeats.with_name(f"{repeats.name}-again") if repeats else Path("runs/train"))
    click.echo(f"model: {run(data, folder, resume=resume is not None, repeats=repeats, **changes)}")
    click.echo(f"again: fullconv train --from {folder}")


def inputs(
    data: Path | None, resume: Path | None, repeats: Path | None, changes: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """(DATA, the options) with what an earlier run's manifest says of data and weights, where that is not given."""
    from fullconv.training.reproduction import sources_of

    if resume and repeats:
        raise click.UsageError("--resume goes on with a run, --from makes it anew; give one of them")
    if repeats:
        lay = sources_of(repeats)
        weights = {key: changes[key] or getattr(lay, key) for key in ("trunk_weights", "weights")}
        return data or lay.data, {**changes, **weights}
    if data is None and resume is None:
        raise click.UsageError("Missing argument 'DATA'; only --from and --resume know it from an earlier run.")
    return data or sources_of(Path(resume or "")).data, changes
