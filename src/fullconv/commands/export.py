"""fullconv export"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.shared_options import check_data

if TYPE_CHECKING:
    from fullconv.data.dataset import Dataset
    from fullconv.prediction.engines.contract import Engine
    from fullconv.prediction.predictor import Model

CALIBRATION = 200  # pictures of the train split on which the ranges for int8 are measured


@click.command()
@click.argument("model")
@click.option("--to", type=click.Choice(["onnx", "openvino", "torch"]), default="onnx")
@click.option("--int8", is_flag=True, help="Quantise to 8 bits, on pictures of --data; with --to openvino.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled pictures: the change of mean IoU is told too.")
@click.option("--split", default="val", help="Which split of DATA to score on.")
@click.option("--pictures", type=int, help="How many pictures of the split to score on.  [default: all]")
@click.option("--max-loss", default=0.03, help="Mean IoU (0-1) that the export may lose on DATA.")
def export(
    model: str, to: str, int8: bool, data: Path | None, split: str, pictures: int | None, max_loss: float
) -> None:
    """Write a model for other programs, and prove that it gives the same labels.

    Into the model's folder come model.onnx (what predicts without torch), model.xml and model.bin for OpenVINO, or
    model.pt2 for torch.export. What was written is read again and compared with its source on real photos at three
    sizes; where labels differ, the export fails and leaves no file. With --int8, model_int8.xml and model_int8.bin for
    `--precision int8`, whose labels may differ: --data tells what it costs.
    """
    from fullconv.errors import FullconvError
    from fullconv.evaluation.scoring import dataset_for
    from fullconv.files import staged
    from fullconv.prediction.predictor import Model
    from fullconv.weights.model_folder import find_model, read_config

    if int8 and (to != "openvino" or data is None):
        raise FullconvError("--int8: goes with --to openvino and --data DATA, whose pictures it is measured on")
    folder = find_model(model)
    if data:
        check_data(data)
    source = Model(read_config(folder), source_engine(folder, to))
    dataset = dataset_for(source, data) if data else None
    with staged(folder) as hidden:
        exported = Model(source.config, write(to, int8, source, folder, hidden, dataset))
        prove(source, exported, must_be_equal=not int8)
        if dataset:
            prove_score(source, exported, dataset, split, pictures, max_loss)
        names = ", ".join(sorted(path.name for path in hidden.iterdir()))
    click.echo(f"wrote {names} in {folder}")


def source_engine(folder: Path, to: str) -> Engine:
    """What the export is compared with, in float32: the network in torch, or for OpenVINO's files its own graph."""
    from fullconv.prediction.engines.choice import open_engine

    return open_engine(folder, "openvino" if to == "openvino" else "torch", "fp32", "cpu", fixed=False)


def write(to: str, int8: bool, source: Model, folder: Path, hidden: Path, dataset: Dataset | None) -> Engine:
    """Writes into the folder `hidden`; gives what runs the files written."""
    from fullconv.exporting import openvino as files
    from fullconv.exporting.onnx import export_onnx, export_program
    from fullconv.exporting.parity import calibration
    from fullconv.prediction.engines.onnxruntime import OnnxRuntime
    from fullconv.prediction.engines.openvino import OpenVINO
    from fullconv.prediction.engines.program import Program

    if to == "torch":
        return Program(export_program(folder, hidden))
    if to == "onnx":
        return OnnxRuntime(export_onnx(folder, hidden), "fp32", streams=1)
    if not (int8 and dataset):
        return OpenVINO(files.write_ir(folder, hidden), "fp32", streams=1, fixed=False)
    batches = list(calibration(source.config, dataset.split("train"), CALIBRATION))
    click.echo(f"ranges measured on {len(batches)} pictures of train")
    return OpenVINO(files.write_int8(folder, hidden, batches), "int8", streams=1, fixed=False)


def prove(source: Model, exported: Model, must_be_equal: bool) -> None:
    """Tells how many labels are equal. Raises FullconvError where too few are."""
    from fullconv.errors import FullconvError
    from fullconv.exporting.parity import EQUAL, agreements, own_photos

    for found in agreements(source.config, source.engine, exported.engine, own_photos()):
        click.echo(str(found))
        if must_be_equal and found.equal < EQUAL:
            raise FullconvError(f"the export gives other labels than its source ({found}); nothing was written")


def prove_score(
    source: Model, exported: Model, dataset: Dataset, split: str, pictures: int | None, max_loss: float
) -> None:
    """Tells the mean IoU of both. Raises FullconvError where the export loses more than `max_loss`."""
    from fullconv.errors import FullconvError
    from fullconv.exporting.parity import mean_ious

    samples = dataset.split(split)[:pictures]
    before, after = mean_ious([source, exported], samples)
    change = f"mean IoU on {len(samples)} pictures of {split}: {before:.4f} → {after:.4f} ({after - before:+.4f})"
    click.echo(change)
    if before - after > max_loss:
        raise FullconvError(f"{change}: more than --max-loss {max_loss:g}; nothing was written")
