"""One picture from standard input to standard output."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.jobs.images import seen
from fullconv.jobs.job import Wanted
from fullconv.outputs.writers import files_of
from fullconv.prediction.predictor import Model


def one_result(model: Model, body: bytes, wanted: Wanted) -> bytes:
    """The one file that is made of a picture, given as the bytes of its file.

    Raises FullconvError for what cannot be read, and where there would be more than one file, or none.
    """
    result = seen(model, body, wanted)
    with tempfile.TemporaryDirectory() as folder:
        files = files_of(result, Path(folder) / "picture", wanted.outputs, wanted.background, wanted.simplify)
        if len(files) != 1:
            found = ", ".join(f"picture{ending}" for ending in files) or "none"
            raise FullconvError(
                f"standard output takes one file, and this makes {len(files)} ({found}); name one --save, and one of "
                "--classes for masks and cut-outs"
            )
        ((ending, fill),) = files.items()
        path = Path(folder) / f"picture{ending}"
        fill(path)
        return path.read_bytes()
