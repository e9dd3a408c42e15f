"""Every number of a training run, with its default; a recipe file holds only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.models.config import parse_arch
from fullconv.yaml_files import read_yaml


@dataclass(frozen=True)
class Recipe:
    """What `fullconv train` does. Lengths are in pixels, learning rates are the schedule's peak."""

    arch: str = "fcn8s"
    trunk: str = "tf_efficientnet_lite0"
    score_hidden: int = 64
    learned_upsampling: bool = False
    name: str = "model"
    pretrained: bool = True  # False: the trunk starts from random parameters
    classes: tuple[str, ...] | None = None  # None: the data's own
    label_mapping: dict[str, str] = field(default_factory=dict)
    train_split: str = "train"
    val_split: str = "val"
    longest_side: int | None = 512  # larger photos are reduced to it when predicting; None: never

    epochs: int = 20
    batch_size: int = 16
    crop_size: int = 256
    balance: float = 0.0  # a class in a smaller share of the pictures than this is shown more often; 0: never
    scale: tuple[float, float] = (0.5, 1.75)
    unscaled: float = 0.25  # this share keeps its size: resampling smooths, and prediction sees pictures as they are
    flip: float = 0.5
    colour: float = 0.3
    workers: int | None = None  # processes that read and augment; None: one less than there are processors, up to 8

    optimiser: str = "adamw"
    lr: float = 1e-3
    trunk_lr_factor: float = 0.3
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip: float = 1.0
    dice: float = 0.5
    lovasz: float = 0.0
    ema: float = 0.998

    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    evaluate_every: int = 1

    def __post_init__(self) -> None:
        parse_arch(self.arch)
        _check("crop_size", self.crop_size % 32 == 0 and self.crop_size > 0, "a multiple of 32")
        _check("epochs", self.epochs >= 1, "1 or more")
        _check("batch_size", self.batch_size >= 1, "1 or more")
        _check("optimiser", self.optimiser in ("adamw", "sgd"), "adamw or sgd")
        _check("precision", self.precision in ("auto", "fp32", "bf16", "fp16"), "auto, fp32, bf16 or fp16")
        _check("scale", 0 < self.scale[0] <= self.scale[1], "two factors, the smaller first")
        _check("unscaled", 0 <= self.unscaled <= 1, "a share between 0 and 1")
        _check("ema", 0 <= self.ema < 1, "0 (off) or below 1")

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def from_values(values: Mapping[str, Any]) -> Recipe:
    """A recipe from plain values (YAML, JSON)."""
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Recipe(**{**values, **lists})


def read_recipe(path: Path | None, **overrides: Any) -> Recipe:
    """The recipe in a YAML file, changed by whatever of `overrides` is not None."""
    keys = [f.name for f in fields(Recipe)]
    values = read_yaml(path, keys) if path else {}
    return replace(from_values(values), **{key: value for key, value in overrides.items() if value is not None})


def _check(key: str, right: bool, want: str) -> None:
    if not right:
        raise FullconvError(f"recipe: {key} must be {want}")
