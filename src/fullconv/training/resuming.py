"""Restores the state of a run from a file. Anything that does not fit the run is an error of one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from fullconv.training.epoch_log import Epoch


def history_in(values: Mapping[str, Any]) -> list[Epoch]:
    """Returns the log of each epoch. Raises ValueError for anything else."""
    history = values["history"]
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise ValueError("its history is no list of epochs")
    if [entry.get("epoch") for entry in history] != list(range(1, len(history) + 1)):
        raise ValueError("its epochs are not counted from 1 on")
    return history


def restore_optimiser(optimiser: Optimizer, state: Any) -> None:
    """Raises ValueError if the state does not belong to these parameters. torch would only fail during a step."""
    optimiser.load_state_dict(state)
    expected = after_a_step(optimiser)
    for parameter, found in optimiser.state.items():
        if not isinstance(found, dict) or found.keys() != expected.keys():
            raise ValueError("its optimiser is of another kind")
        for name, value in found.items():
            shape = parameter.shape if expected[name] else torch.Size()
            if isinstance(value, Tensor) and value.shape != shape:
                raise ValueError(f"its optimiser has {name} of {list(value.shape)} for {list(shape)}")


def after_a_step(optimiser: Optimizer) -> dict[str, bool]:
    """{name: whether it has the shape of the parameter} for the values that such an optimiser keeps per parameter."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    group = {name: value for name, value in optimiser.param_groups[0].items() if name != "params"}
    kind: Any = type(optimiser)
    other = kind([{"params": [parameter], **group}], lr=optimiser.defaults["lr"])
    parameter.grad = torch.zeros(2)
    other.step()
    return {name: isinstance(v, Tensor) and v.ndim > 0 for name, v in other.state[parameter].items()}


def restore_schedule(schedule: LRScheduler, state: Any) -> None:
    """Raises ValueError if it is not the state of such a schedule: torch would set every name in it as an attribute."""
    own = schedule.state_dict()
    if not isinstance(state, dict) or any(callable(getattr(schedule, str(name), None)) for name in state):
        raise ValueError("its schedule is none")
    for name, value in own.items():
        found = state.get(name, value)
        numbers = isinstance(found, (int, float)) and isinstance(value, (int, float))
        if type(found) is not type(value) and not numbers:
            raise ValueError(f"its schedule has {name} as {type(found).__name__}")
    schedule.load_state_dict(state)
