"""fullconv convert"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from fullconv.commands.terminal import say


@click.command()
@click.argument("kind", type=click.Choice(["caffe", "torchfcn"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--net", required=True, help="The published net that the file was made for, such as voc-fcn8s.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The model folder to be made.")
@click.option("--onnx/--no-onnx", default=None, help="Write model.onnx too.  [default: where that is installed]")
def convert(kind: str, file: Path, net: str, out: Path, onnx: bool | None) -> None:
    """Import the published nets' weights: a .caffemodel, or a .pth of pytorch-fcn.

    Every parameter is copied exactly, in float32, and accounted for; neither Caffe nor protobuf is needed. model.onnx,
    for prediction without torch, takes several times the weights' size in memory; `fullconv export` can write it later.
    """
    from fullconv.errors import missing_extra

    for library in ("torch", "safetensors"):
        if find_spec(library) is None:
            raise missing_extra(library, "train")
    from fullconv.weights.convert import convert as run

    wanted = find_spec("onnxscript") is not None if onnx is None else onnx
    report = run(kind, file, net, out, write_graph if wanted else lambda folder: None)
    say(f"{file.name}: {report}\nmodel: {out}")


def write_graph(folder: Path) -> None:
    from fullconv.exporting.onnx import export_onnx

    export_onnx(folder)
