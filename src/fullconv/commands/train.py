"""fullconv train"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from fullconv.commands.paths import FOLDER, PATH
from fullconv.commands.shared_options import BatchSize, Listed, Numbers, OneOf, Side, Weights, outside_option
from fullconv.commands.stopping import AGAIN
from fullconv.commands.terminal import is_quiet, printed_log, say, silent
from fullconv.words import pasted

LISTED = 6  # scores of classes are listed if there are at most this many


@click.command()
@click.argument("data", type=PATH, required=False)
@click.option(
    "--arch",
    help="Architecture: fcn32s to fcn2s, unet, segnet, encoder-only and others.  [default: the same as --weights]",
)
@click.option(
    "--trunk",
    help="Encoder: any timm network that gives features at the required strides.  [default: the same as --weights]",
)
@click.option(
    "--trunk-weights",
    type=PATH,
    help="File with ImageNet weights for the trunk, or 'imagenet' to use an installed package or timm's hub.",
)
@click.option(
    "--weights",
    type=PATH,
    help="Model to start from (also hf://owner/name); parameters that fit are copied.  [default: photos]",
)
@click.option(
    "--teacher",
    type=PATH,
    help="Model or run in folds to learn from in addition to the labels, or a folder of its scores.",
)
@click.option("--recipe", type=PATH, help="YAML file with the settings that differ from the defaults.")
@click.option(
    "--staged", is_flag=True, default=None, help="Train FCN-32s first, then each finer net from the last one."
)
@click.option(
    "--time",
    help="Time until the model must be ready, such as 10m. A short trial measures how many steps fit.",
)
@click.option(
    "--epochs",
    type=int,
    help="Number of passes over the pictures (per stage with --staged). With --resume, a larger number trains longer.  "
    "[default: depends on the number of pictures]",
)
@click.option(
    "--batch-size",
    type=BatchSize(),
    help="Pictures per step, over all processes; 'auto' is as many as a GPU's memory can hold.  [default: 4 to 16, "
    "depending on the number of pictures]",
)
@click.option("--accumulate", type=int, help="Split each batch into this many parts, to save memory.")
@click.option("--crop-size", type=int, help="Side of the training crops in pixels.")
@click.option(
    "--longest-side",
    type=Side(),
    help="Reduce larger pictures to this many pixels, or 'none' to keep their size.  [default: 512, unless thin "
    "structures would be lost]",
)
@click.option(
    "--range",
    cls=Listed,
    type=Numbers(float),
    help="Values to map to 0 and 255, such as 0,3000; or one pair per band.  "
    "[default for more than 8 bits: the 0.1 and 99.9 percentiles of the training pictures]",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Divide the pictures into this many parts, and train one model without each part.",
)
@click.option("--lr", type=float, help="Peak learning rate.")
@click.option(
    "--class-weights",
    type=Weights(),
    help="Weight of each class in the loss: balanced and enet give rare classes more weight.  [default: none; if one "
    "of two classes is rare, it gets more weight]",
)
@click.option(
    "--precision",
    type=OneOf(["auto", "fp32", "bf16", "fp16"]),
    help="Number format to compute in.  [default: auto]",
)
@click.option("--workers", type=int, help="Number of processes that read and augment pictures.")
@click.option("--seed", type=int, help="Random seed. The same seed gives the same model.")
@click.option(
    "--track",
    help="Where to log: tensorboard, wandb, mlflow (separated by commas), or none.  [default: tensorboard]",
)
@click.option("-o", "--out", type=FOLDER, help="Folder for the run.  [default: runs/train]")
@click.option("--resume", type=PATH, help="Continue the run in this folder.")
@click.option("--from", "repeats", type=PATH, help="Repeat the run in this folder, with the same data and weights.")
@outside_option
def train(data: Path | None, out: Path | None, resume: Path | None, repeats: Path | None, **changes: Any) -> None:
    """Train a model on labelled pictures.

    DATA is a folder in a known layout, or a data YAML. It is optional with --from and --resume. Options override the
    recipe.
    """
    from time import monotonic

    began = monotonic()
    from fullconv.errors import missing_extra

    for library in ("torch", "torchvision", "timm", "accelerate", "safetensors"):
        if find_spec(library) is None:
            raise missing_extra(library, "train")
    from fullconv.training.pictures import SKIPPED, Skipped
    from fullconv.training.processes import rank_and_count
    from fullconv.training.train import train as run

    data, changes = inputs(data, resume, repeats, changes)
    folder = resume or out or (repeats.with_name(f"{repeats.name}-again") if repeats else Path("runs/train"))
    with silent() if is_quiet() else printed_log(), said_how_to_go_on(folder):
        model = run(data, folder, resume=resume is not None, repeats=repeats, began=began, **changes)
    if rank_and_count()[0] == 0:
        for line in results(folder, model):
            say(line)
    skipped = Skipped(folder / SKIPPED)
    if skipped.all():
        click.echo(f"pictures skipped: {len(skipped.all())}; they are listed in {skipped.path}", err=True)
        sys.exit(1)


@contextmanager
def said_how_to_go_on(folder: Path) -> Iterator[None]:
    """Until training has begun, as while a teacher predicts, there is nothing to resume. The same holds for folds."""
    from fullconv.training.earlier_runs import has_begun

    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(f"continue with --resume {pasted(folder)}" if has_begun(folder) else AGAIN)
        raise


def results(folder: Path, model: Path) -> Iterator[str]:
    """Yields lines that say where the model and the report of a run are, and how well the model scores."""
    from fullconv.training.illustration import REPORT
    from fullconv.weights.model_files import read_config

    if model == folder:  # a run in folds
        yield f"models: {folder}/fold1 and so on; {folder}/folds.json lists the pictures of each fold"
        yield f"to repeat one: fullconv train --from {pasted(folder / 'fold1')}"
        return
    yield f"model: {model}"
    scores = read_config(model).metrics.get("val", {"per_class": {}})
    classes = {name: scored["iou"] for name, scored in scores["per_class"].items() if scored["iou"] is not None}
    if classes:
        each = ", ".join(f"{name} {iou:.3f}" for name, iou in classes.items())
        yield f"mean IoU {scores['mean_iou']:.3f} on val" + (f" ({each})" if len(classes) <= LISTED else "")
    if (folder / REPORT).is_file():
        yield f"report: {folder / REPORT}"
    yield f"to repeat it: fullconv train --from {pasted(folder)}"


def inputs(
    data: Path | None, resume: Path | None, repeats: Path | None, changes: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """Returns (DATA, the options). If data or weights are not given, those of the resumed or repeated run are used."""
    from fullconv.training.earlier_runs import has_begun, no_run_in
    from fullconv.training.reproduction import sources_of
    from fullconv.training.run_folder import MANIFEST

    if resume and repeats:
        raise click.UsageError("--resume continues a run, --from repeats it; use only one of them")
    earlier = resume or repeats
    if earlier is None:
        if data is None:
            raise click.UsageError("Missing argument 'DATA'; it is optional only with --from and --resume.")
        return data, changes
    if resume and data and not (resume / MANIFEST).is_file():
        return data, changes  # the run stopped before its manifest was written, or an earlier version made it
    if not has_begun(earlier):
        raise no_run_in(earlier)
    sources = sources_of(earlier)
    weights = {key: changes[key] or getattr(sources, key) for key in ("trunk_weights", "weights", "teacher")}
    return data or sources.data, {**changes, **weights}
