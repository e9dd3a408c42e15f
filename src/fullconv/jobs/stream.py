"""Processes one picture from standard input to standard output."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.images import OF_BYTES
from fullconv.jobs.images import segment
from fullconv.jobs.job import Wanted
from fullconv.outputs.geotiff import CATEGORIES
from fullconv.outputs.writers import files_of
from fullconv.prediction.predictor import Model

OF_EACH_CLASS = ("masks", "cutout")  # outputs that have a file for each class


def one_result(model: Model, body: bytes, wanted: Wanted) -> bytes:
    """Returns the content of the one result file. `body` is the content of the picture's file.

    Raises FullconvError if the picture cannot be read, or the result is not exactly one file.
    """
    if not body:
        raise FullconvError("standard input is empty; send a picture, as in: fullconv predict - < in.jpg > out.png")
    try:
        result = segment(model, body, wanted)
    except FullconvError as error:
        raise FullconvError(str(error).replace(OF_BYTES, "standard input", 1)) from None
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(result, Path(folder) / "picture", wanted.outputs, wanted.background, wanted.simplify)
        files.pop(CATEGORIES, None)  # the GeoTIFF has the class names as tags, too
        if len(files) != 1:
            raise several([f"picture{ending}" for ending in files], wanted.outputs)
        ((ending, fill),) = files.items()
        path = Path(folder) / f"picture{ending}"
        fill(path)
        return path.read_bytes()


def several(files: Sequence[str], outputs: Sequence[str]) -> FullconvError:
    """Returns the error for outputs that make several files, or none. The remedy depends on the reason."""
    if len(outputs) > 1:
        remedy = "give one output with --save"
    elif outputs[0] in OF_EACH_CLASS:
        remedy = "choose one class, as in --classes cat"
    else:
        remedy = f"give the picture as a file: fullconv predict in.jpg --save {outputs[0]}"
    return FullconvError(
        f"standard output takes one file, but --save {','.join(outputs)} makes {len(files)} "
        f"({', '.join(files) or 'none'}); {remedy}"
    )
