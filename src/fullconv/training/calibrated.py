"""Calibrates a trained model: fits the temperature that makes its probabilities match its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fullconv.data.dataset import Sample
from fullconv.evaluation.calibration import calibrate
from fullconv.models.config import ModelConfig
from fullconv.prediction.predictor import load
from fullconv.weights.model_files import read_config


def with_temperature(folder: Path, val: Sequence[Sample], engine: str = "torch") -> ModelConfig:
    """Returns the config of a model folder with a temperature fitted to one half of `val`, and with the calibration
    errors on the other half in its metrics. The temperature is 1 if the fitted one does not reduce that error, or if
    `val` is too small to be halved."""
    config = read_config(folder)
    others = {key: value for key, value in config.metrics.items() if key != "calibration"}
    found = calibrate(load(folder, engine, precision="fp32"), val) if val else None
    if found is None:
        return replace(config, temperature=1.0, metrics=others)
    return replace(config, temperature=found.kept, metrics={**others, "calibration": found.to_json()})
