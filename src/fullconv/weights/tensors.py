"""Named tensors ↔ a file; nothing else is ever unpickled."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from fullconv.errors import FullconvError
from fullconv.files import write_whole

State = dict[str, Tensor]


def read_tensors(path: Path) -> State:
    """{name: tensor} from a .safetensors file, or from a .pth file that holds nothing but tensors."""
    from safetensors.torch import load_file

    if not path.is_file():
        raise FullconvError(f"{path}: no such file; weights are a .safetensors or a .pth file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has errors of its own
        raise FullconvError(f"{path}: not a file of tensors ({str(error).splitlines()[0]})") from None
    state = state.get("state_dict", state)
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def write_tensors(path: Path, state: State) -> Path:
    from safetensors.torch import save

    return write_whole(path, lambda hidden: hidden.write_bytes(save(state)))
