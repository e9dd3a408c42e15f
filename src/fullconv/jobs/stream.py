"""Processes one picture from standard input to standard output."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.jobs.images import segment
from fullconv.jobs.job import Wanted
from fullconv.outputs.geotiff import CATEGORIES
from fullconv.outputs.writers import files_of
from fullconv.prediction.predictor import Model


def one_result(model: Model, body: bytes, wanted: Wanted) -> bytes:
    """Returns the content of the one result file. `body` is the content of the picture's file.

    Raises FullconvError if the picture cannot be read, or the result is not exactly one file.
    """
    result = segment(model, body, wanted)
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(result, Path(folder) / "picture", wanted.outputs, wanted.background, wanted.simplify)
        files.pop(CATEGORIES, None)  # the GeoTIFF has the class names as tags, too
        if len(files) != 1:
            found = ", ".join(f"picture{ending}" for ending in files) or "none"
            raise FullconvError(
                f"only one file can be written to standard output, but these options make {len(files)} ({found}); give "
                "one output with --save, and one class with --classes for masks and cut-outs"
            )
        ((ending, fill),) = files.items()
        path = Path(folder) / f"picture{ending}"
        fill(path)
        return path.read_bytes()
