"""fullconv train"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("data", type=FILE)
@click.option("--arch", help="fcn32s … fcn2s, unet, segnet, encoder-only and others.  [default: fcn8s]")
@click.option("--trunk", help="Any timm network with features at the strides needed.  [default: tf_efficientnet_lite0]")
@click.option("--trunk-weights", type=FILE, help="ImageNet weights from a local file.  [default: from timm's hub]")
@click.option("--weights", type=FILE, help="Start from a model: of the same architecture, or a coarser FCN.")
@click.option("--recipe", type=FILE, help="YAML with whatever differs from the defaults.")
@click.option("--staged", is_flag=True, default=None, help="32s first, then each finer stride from the one before.")
@click.option("--epochs", type=int, help="Of each stage, where staged.")
@click.option("--batch-size", type=int, help="Pictures a step, over all processes.")
@click.option("--accumulate", type=int, help="Parts in which a batch is worked on, for less memory.")
@click.option("--crop-size", type=int, help="Side of the training crops in pixels.")
@click.option("--lr", type=float, help="Peak learning rate.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]))
@click.option("--workers", type=int, help="Processes that read and augment pictures.")
@click.option("--seed", type=int)
@click.option("--out", type=FILE, default=Path("runs/train"), help="Folder of the run.")
@click.option("--resume", type=FILE, help="Folder of a run to go on with.")
def train(data: Path, out: Path, resume: Path | None, **changes: Any) -> None:
    """Train a model on labelled pictures.

    DATA is a folder whose layout is recognised, or a data YAML. What is given here overrides the recipe.
    """
    from fullconv.errors import missing_extra

    for library in ("torch", "torchvision", "timm", "accelerate", "safetensors"):
        if find_spec(library) is None:
            raise missing_extra(library, "train")
    from fullconv.training.processes import rank_and_count
    from fullconv.training.stages import train as run

    folder = run(data, resume or out, resume=resume is not None, **changes)
    if rank_and_count()[0] == 0:
        click.echo(f"model: {folder}")
