"""Reads and writes named tensors. Nothing else is ever unpickled."""

from __future__ import annotations

import codecs
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fullconv.damage import is_damage, unavailable
from fullconv.errors import FullconvError, MissingExtra, missing_extra
from fullconv.files import hidden_folder, write_whole

State = dict[str, Tensor]
SAFE = ".safetensors"
BEGINNINGS = (b"PK\3\4", b"\x80\2")  # of torch's files, new and old: a ZIP archive, and a pickle of protocol 2
SHOWN = 80  # characters of a name in a file
REMEDY = "give a .safetensors file, or a .pth file of a state dict"

# Checkpoints also store their best score, often as a NumPy number. These functions create such a number; the first has
# another name before NumPy 2. None of them runs code from a file.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMPY_NUMBER: list[Any] = [
    _SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"), np.dtype, type(np.dtype("f8")), codecs.encode,
]  # fmt: skip


def read_tensors(path: Path) -> State:
    """{name: tensor} from a .safetensors file, or from a .pth file that contains only tensors."""
    if not path.is_file():
        raise FullconvError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; {REMEDY}")
    try:
        state = _safetensors().load_file(path) if path.suffix == SAFE else _unpickled(path)
    except MissingExtra:
        raise
    except Exception as error:  # each format has its own errors
        if not is_damage(error):
            raise unavailable(path, error) from None
        raise FullconvError(f"{path}: not a file of tensors ({_reason(path, error)}); {REMEDY}") from None
    for inside in ("state_dict", "model_state_dict"):
        state = state.get(inside, state) if isinstance(state, dict) else {}
    tensors = {name: v for name, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise FullconvError(f"{path}: contains no named tensors; give a file with a state dict")
    return tensors


def _unpickled(path: Path) -> Any:
    with torch.serialization.safe_globals(_NUMPY_NUMBER), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of files that it then refuses
        return torch.load(path, map_location="cpu", weights_only=True)


def _reason(path: Path, error: Exception) -> str:
    """Says what is wrong with a file. The texts of torch fill a page and advise to run code from the file."""
    if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return f"contains {named[1][:SHOWN]}, and only tensors are ever loaded"
    if path.suffix == SAFE:
        return "damaged, cut off, or of another format"
    with path.open("rb") as file:
        known = file.read(4).startswith(BEGINNINGS)
    return "damaged or cut off" if known else "neither torch's format nor safetensors"


def write_tensors(path: Path, state: State) -> Path:
    """Writes a .safetensors file without a second copy in memory."""
    library = _safetensors()

    def write(hidden: Path) -> None:
        hidden.touch()
        mode = hidden.stat().st_mode
        # save_file uses its own temporary file. In a hidden folder, what a killed process leaves will be swept.
        with hidden_folder(path) as folder:
            library.save_file(state, folder / path.name)
            (folder / path.name).replace(hidden)
        # save_file makes a file readable only by its owner, but models are also served by other users
        hidden.chmod(mode)

    return write_whole(path, write)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise missing_extra("safetensors", "train") from None
    return safetensors.torch
