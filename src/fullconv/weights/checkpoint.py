"""Saves and loads a network's parameters in its model folder, and the state from which a run resumes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fullconv.damage import as_one_line, is_damage
from fullconv.errors import FullconvError
from fullconv.files import write_whole
from fullconv.models.build import build
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.models.tracing import output_window
from fullconv.weights.model_files import PARAMETERS, read_config, write_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.tensors import read_tensors, write_tensors
from fullconv.weights.transplant import transplant


def save_model(folder: Path, model: Network, config: ModelConfig) -> None:
    """Writes config.json and model.safetensors. Kernels are stored in half precision, everything else in float32."""
    state = {name: stored(value) for name, value in model.state_dict().items()}
    if bad := not_finite(state):
        raise FullconvError(f"{folder}: not written, because {bad[0]} contains numbers that are not finite")
    write_tensors(folder / PARAMETERS, state)
    write_config(folder, with_window(config))


def with_window(config: ModelConfig) -> ModelConfig:
    """Returns the config with the window of a pixel's scores, which exact tiles need. It is derived from the layers."""
    with torch.device("meta"):
        network = build(config).eval()
    return replace(config, window=output_window(network, len(config.normalisation.mean)))


def load_network(model: str | Path) -> Network:
    """Loads the torch network of a bundled model or a model folder, in evaluation mode: (N, channels, H, W) of 0–255 →
    scores (N, classes, H, W). Raises FullconvError if the folder can only predict (model.onnx without parameters)."""
    return load_model(find_model(model))[0]


def load_model(folder: Path) -> tuple[Network, ModelConfig]:
    """Returns (network in evaluation mode, its config) from a model folder. Raises FullconvError if any parameter does
    not fit."""
    config = read_config(folder)
    path = folder / PARAMETERS
    if not path.is_file():
        raise FullconvError(f"{path}: missing; this model folder can only predict")
    model = build(config)
    transplant(read_tensors(path), model)
    return model.eval(), config


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Writes everything that a run needs to resume, completely or not at all. The same state gives the same bytes."""

    def write(hidden: Path) -> None:
        # given a path, torch would write its name, which is a hidden one, into the file
        with hidden.open("wb") as file:
            torch.save(interned(state), file)

    write_whole(path, write)


def interned(value: Any) -> Any:
    """Returns the same dictionaries and lists with one object for equal strings. pickle writes a string that it has met
    as a reference, so a state that was read from a file would otherwise give other bytes than one that was not."""
    if isinstance(value, str):
        return sys.intern(value)
    if type(value) is dict:
        return {interned(key): interned(one) for key, one in value.items()}
    return [interned(one) for one in value] if type(value) is list else value


def load_state(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FullconvError(f"{path}: no such checkpoint; --resume needs the folder of an earlier run")
    with as_one_line(path, "the state of a run", "resume from a copy of it, or train again"):
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's messages tell how to run what is in the file
            if not is_damage(error):
                raise
            raise ValueError("it is damaged, or contains more than tensors and numbers") from None
        if not isinstance(state, dict):
            raise ValueError("it is no dictionary")
        return state


def not_finite(state: Mapping[str, Tensor]) -> list[str]:
    """Returns the parameters that are not finite when stored: in half precision, the largest number is 65504."""
    return [name for name, value in state.items() if not stored(value).isfinite().all()]


def stored(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if value.ndim == 4 else value
