"""The files of a model folder: their names, and the content of config.json. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fullconv.errors import FullconvError
from fullconv.files import write_json

if TYPE_CHECKING:
    from fullconv.models.config import ModelConfig

CONFIG, GRAPH, PARAMETERS, CARD = "config.json", "model.onnx", "model.safetensors", "README.md"
HUB = "hf:/"  # how addresses of models on a hub begin; a Path turns two slashes into one
DEEPNESS = "model_deepness.onnx"  # for a QGIS plugin
IR, INT8, PROGRAM = "model.xml", "model_int8.xml", "model.pt2"  # OpenVINO's, each with a .bin; torch.export's


def read_config(folder: Path) -> ModelConfig:
    from fullconv.models.config import ModelConfig  # imports numpy, which finding a folder does not need

    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FullconvError(f"{folder / CONFIG}: cannot be read ({error})") from None
    return ModelConfig.from_json(values, str(folder / CONFIG))


def write_config(folder: Path, config: ModelConfig) -> Path:
    return write_json(folder / CONFIG, config.to_json())
