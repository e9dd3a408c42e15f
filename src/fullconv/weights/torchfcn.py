"""Reads checkpoints of pytorch-fcn (github.com/wkentaro/pytorch-fcn). Names, and BGR minus a mean, are as in Caffe."""

from __future__ import annotations

from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.weights.tensors import State, read_tensors


def read_torchfcn(path: Path) -> State:
    """{"conv1_1.weight": tensor, …} from a bare state dict or a training checkpoint. Raises FullconvError."""
    state = {name.removeprefix("module."): value for name, value in read_tensors(path).items()}
    for name, value in state.items():
        if not value.isfinite().all():
            raise FullconvError(f"{path}: {name}: expected finite numbers, found inf or nan; download the file again")
    return state
