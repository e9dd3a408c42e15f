"""Reads and writes named tensors. Nothing else is ever unpickled."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fullconv.errors import FullconvError, MissingExtra, missing_extra
from fullconv.files import hidden_folder, write_whole

State = dict[str, Tensor]

# Checkpoints also store their best score, often as a NumPy number. These functions create such a number; the first has
# another name before NumPy 2. None of them runs code from a file.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMPY_NUMBER: list[Any] = [
    _SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"), np.dtype, type(np.dtype("f8")), codecs.encode,
]  # fmt: skip


def read_tensors(path: Path) -> State:
    """{name: tensor} from a .safetensors file, or from a .pth file that contains only tensors."""
    if not path.is_file():
        raise FullconvError(f"{path}: no such file; give a .safetensors or .pth file")
    try:
        if path.suffix == ".safetensors":
            return _safetensors().load_file(path)
        with torch.serialization.safe_globals(_NUMPY_NUMBER):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except MissingExtra:
        raise
    except Exception as error:  # each format has its own errors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FullconvError(f"{path}: not a file of tensors ({reason})") from None
    for inside in ("state_dict", "model_state_dict"):
        state = state.get(inside, state) if isinstance(state, dict) else {}
    tensors = {name: v for name, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise FullconvError(f"{path}: contains no named tensors; give a file with a state dict")
    return tensors


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
