"""Checkpoints of pytorch-fcn (github.com/wkentaro/pytorch-fcn); names, and BGR minus a mean, are Caffe's."""

from __future__ import annotations

from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.weights.tensors import State, read_tensors


def read_torchfcn(path: Path) -> State:
    """{"conv1_1.weight": tensor, …} of a bare state dict or of a training's checkpoint. Raises FullconvError."""
    state = {name.removeprefix("module."): value for name, value in read_tensors(path).items()}
    for name, value in state.items():
        if not value.isfinite().all():
            raise FullconvError(f"{path}: {name}: expected finite numbers, found inf or nan; download the file again")
    return state
