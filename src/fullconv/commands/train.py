"""fullconv train"""

from pathlib import Path
from typing import Annotated, Optional

import typer


def train(
    data: Annotated[Path, typer.Argument(help="Folder whose layout is recognised, or a data YAML.")],
    arch: Annotated[Optional[str], typer.Option(help="fcn32s, fcn16s, fcn8s or fcn4s.")] = None,
    trunk: Annotated[Optional[str], typer.Option(help="Any timm network with features at strides 4-32.")] = None,
    trunk_weights: Annotated[Optional[Path], typer.Option(help="ImageNet weights of the trunk from a local file.")] = None,
    recipe: Annotated[Optional[Path], typer.Option(help="YAML with whatever differs from the defaults.")] = None,
    epochs: Annotated[Optional[int], typer.Option(min=1)] = None,
    batch_size: Annotated[Optional[int], typer.Option(min=1)] = None,
    lr: Annotated[Optional[float], typer.Option(help="Peak learning rate.")] = None,
    seed: Annotated[Optional[int], typer.Option()] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/train"),
    resume: Annotated[Optional[Path], typer.Option(help="Folder of a run to go on with.")] = None,
) -> None:
    """Train a model on labelled pictures."""
    from fullconv.training.recipe import read_recipe
    from fullconv.training.stages import train as run

    overrides = {"arch": arch, "trunk": trunk, "epochs": epochs, "batch_size": batch_size, "lr": lr, "seed": seed}
    chosen = read_recipe(recipe, **overrides)
    folder = run(data, chosen, resume or out, trunk_weights, resume is not None)
    typer.echo(f"model: {folder}")
