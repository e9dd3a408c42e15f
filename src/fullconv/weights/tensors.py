"""Named tensors ↔ a file; nothing else is ever unpickled."""

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

# Checkpoints keep their best score beside the tensors, often as a number of NumPy's: what such a number is made with,
# the first under its name before NumPy 2 too. None of these runs anything that a file brings.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_NUMPY_NUMBER: list[Any] = [
    _SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"), np.dtype, type(np.dtype("f8")), codecs.encode,
]  # fmt: skip


def read_tensors(path: Path) -> State:
    """{name: tensor} from a .safetensors file, or from a .pth file that holds nothing but tensors."""
    if not path.is_file():
        raise FullconvError(f"{path}: no such file; give a .safetensors or .pth file")
    try:
        if path.suffix == ".safetensors":
            return _safetensors().load_file(path)
        with torch.serialization.safe_globals(_NUMPY_NUMBER):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except MissingExtra:
        raise
    except Exception as error:  # each format has errors of its own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FullconvError(f"{path}: not a file of tensors ({reason})") from None
    for inside in ("state_dict", "model_state_dict"):
        state = state.get(inside, state) if isinstance(state, dict) else {}
    tensors = {name: v for name, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise FullconvError(f"{path}: contains no named tensors; give a file with a state dict")
    return tensors


def write_tensors(path: Path, state: State) -> Path:
    """A .safetensors file, written without a second copy in memory."""
    library = _safetensors()

    def write(hidden: Path) -> None:
        hidden.touch()
        mode = hidden.stat().st_mode
        # save_file has a temporary file of its own. In a hidden folder, what a killed process leaves is swept.
        with hidden_folder(path) as folder:
            library.save_file(state, folder / path.name)
            (folder / path.name).replace(hidden)
        hidden.chmod(mode)  # save_file leaves a file for its owner alone, and others serve models too

    return write_whole(path, write)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise missing_extra("safetensors", "train") from None
    return safetensors.torch
