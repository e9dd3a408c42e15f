"""Converts parameters of the published networks, from files of other programs, to a model folder."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from fullconv.errors import FullconvError
from fullconv.files import hidden_folder, sweep_beside
from fullconv.models import published
from fullconv.models.fcn import FCN, SCORE_NAMES
from fullconv.weights.caffe import read_caffe
from fullconv.weights.checkpoint import with_window
from fullconv.weights.model_files import PARAMETERS, write_config
from fullconv.weights.tensors import write_tensors
from fullconv.weights.torchfcn import read_torchfcn
from fullconv.weights.transplant import Stored, StoredParameters, Transplanted, transplant

READERS: dict[str, Callable[[Path], StoredParameters]] = {"caffe": read_caffe, "torchfcn": read_torchfcn}


def convert(
    kind: str, file: Path, net: str, out: Path, complete: Callable[[Path], object] = lambda folder: None
) -> Transplanted:
    """Writes the model folder `out` of the published `net` with the parameters of `file`, exact, in float32.

    `kind` names the reader. `complete` may add to the folder before it appears; if anything fails, nothing appears.
    Raises FullconvError if `out` is in use, or the file does not fit the network.
    """
    config = published.config(net)
    refuse_used(out)
    with new_folder(out) as folder:
        report = _write_parameters(kind, file, net, folder / PARAMETERS)
        source = {"format": kind, "file": file.name, "sha256": _sha256(file)}
        write_config(folder, replace(with_window(config), provenance={**config.provenance, "imported": source}))
        complete(folder)
    return report


def import_weights(source: StoredParameters, net: FCN) -> Transplanted:
    """Copies Caffe-named parameters into `net`, strictly. Constants of its scale layers are compared rather than
    copied."""
    ours = {caffe_name(name): name for name in net.state_dict()}
    renamed = {ours.get(name, name): value for name, value in source.items()}
    constants = check_scales(renamed, net)
    return transplant(renamed, net, may_stay_unused=constants)


def caffe_name(name: str) -> str:
    """The Caffe name of a parameter: the name of the trunk follows that of the layer, and levels are separated by "/".

    "trunk.inception_3a.1x1.weight" → "inception_3a/1x1.weight", "trunkhha.fc6.bias" → "fc6hha.bias".
    """
    module, *levels, leaf = name.split(".")
    if not module.startswith("trunk"):
        return name
    return f"{'/'.join(levels)}{module.removeprefix('trunk')}.{leaf}"


def check_scales(source: StoredParameters, net: FCN) -> list[str]:
    """Returns the names of the scale layers in `source`, each of which contains the factor that `net` has for that
    skip."""
    found = []
    for stride, scale in net.scales.items():
        name = f"{SCORE_NAMES[stride].replace('score', 'scale')}.weight"
        if name in source:
            found.append(name)
            lowest, highest = _range(source[name])
            if not (math.isclose(lowest, scale, rel_tol=1e-6) and math.isclose(highest, scale, rel_tol=1e-6)):
                raise FullconvError(
                    f"weights do not fit: {name}: expected the constant {scale:g}, found {lowest:g} to {highest:g}; "
                    "choose the --net that the file belongs to"
                )
    return found


def refuse_used(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FullconvError(f"{out}: already exists and is not an empty folder; choose another --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yields a hidden folder beside `out`, which becomes `out` on success and is removed otherwise."""
    out = out.resolve()
    sweep_beside(out)
    with hidden_folder(out) as hidden:
        yield hidden
        refuse_used(out)
        if out.exists():
            out.rmdir()
        hidden.rename(out)


def _write_parameters(kind: str, file: Path, net: str, path: Path) -> Transplanted:
    """Writes the parameters. The network is freed at the end, so that the next step has the memory."""
    source = READERS[kind](file)  # first, because a file without weights is refused immediately
    model = published.build(net)
    assert isinstance(model, FCN)
    report = import_weights(source, model)
    write_tensors(path, model.state_dict())
    return report


def _range(value: Tensor | Stored) -> tuple[float, float]:
    pieces = [value.numpy()] if isinstance(value, Tensor) else list(value.pieces())
    numbers = np.concatenate([piece.ravel() for piece in pieces])
    return float(numbers.min()), float(numbers.max())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
