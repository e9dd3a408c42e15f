"""fullconv convert"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from fullconv.commands.paths import FOLDER, PATH
from fullconv.commands.shared_options import OneOf
from fullconv.commands.terminal import say


@click.command()
@click.argument("kind", type=OneOf(["caffe", "torchfcn"]))
@click.argument("file", type=PATH)
@click.option("--net", required=True, help="Published net that the file belongs to, such as voc-fcn8s.")
@click.option("-o", "--out", type=FOLDER, required=True, help="Model folder to create.")
@click.option("--onnx/--no-onnx", default=None, help="Also write model.onnx.  [default: if onnxscript is installed]")
def convert(kind: str, file: Path, net: str, out: Path, onnx: bool | None) -> None:
    """Import the weights of a published net: a .caffemodel, or a .pth file from pytorch-fcn.

    Every parameter is copied exactly, in float32, and none is left over. Neither Caffe nor protobuf is needed. Writing
    model.onnx, which predicts without torch, takes several times the size of the weights in memory; `fullconv export`
    can do it later.
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
