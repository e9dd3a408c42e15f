"""Every number of a training run, with its default; a recipe file holds only what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.models.config import parse_arch
from fullconv.models.published import NETS
from fullconv.yaml_files import read_yaml

WEIGHTS = ("none", "balanced", "enet")
CHOICES = {
    "optimiser": ("adamw", "sgd"),
    "schedule": ("one_cycle", "cosine", "poly", "constant"),
    "pixels": ("mean", "total"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
}


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
    longest_side: int | str | None = (
        "auto"  # larger pictures are reduced to it, always; None: never; auto: by the masks
    )
    range: tuple[float, ...] = ()  # values that become 0 and 255, for all channels or a pair each; (): measured if deep

    epochs: int = 20
    batch_size: int = 16  # pictures a step, over all processes
    accumulate: int = 1  # parts in which each process sees its share of a batch, for less memory
    crop_size: int = 256  # 0: whole pictures, one at a time
    balance: float = 0.0  # a class in a smaller share of the pictures than this is shown more often; 0: never
    scale: tuple[float, float] = (0.5, 1.75)
    unscaled: float = 0.25  # this share keeps its size: resampling smooths, and prediction sees pictures as they are
    flip: float = 0.5
    colour: float = 0.3
    workers: int | None = None  # processes that read and augment; None: one less than there are processors, up to 8

    optimiser: str = "adamw"
    momentum: float = 0.9  # of sgd
    lr: float = 1e-3
    trunk_lr_factor: float = 0.3
    bias_lr_factor: float = 1.0  # biases and norms, which never decay, learn at this much of their part's rate
    weight_decay: float = 0.01
    schedule: str = "one_cycle"
    warm_up: float = 0.1  # share of the steps
    clip: float = 1.0  # largest norm of the gradient; 0: any
    frozen_norms: bool = False
    ema: float = 0.998

    pixels: str = "mean"  # cross-entropy's mean over the labelled pixels of a batch, or, as in the paper, their total
    class_weights: str | tuple[float, ...] = "none"
    focal: float = 0.0
    hardest: float = 1.0
    dice: float = 0.5
    lovasz: float = 0.0

    staged: bool = False  # 32s first, then each finer stride from the one before
    stage_lr_factor: float = 1.0  # what each stage's learning rate is to that of the one before
    patience: int = 0  # evaluations without a better one after which a run ends; 0: never
    evaluate_every: int = 1
    precision: str = "auto"
    compile: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.longest_side == "none":
            object.__setattr__(self, "longest_side", None)
        if self.arch not in NETS:
            parse_arch(self.arch)
        for key, right, want in self._rules():
            if not right:
                raise FullconvError(f"recipe: {key} must be {want}")

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """(key, whether its value is right, what it must be)."""
        side = self.longest_side
        yield (
            "longest_side",
            side in (None, "auto") or (isinstance(side, int) and side >= 32),
            "auto, none, or 32 or more",
        )
        pairs = list(zip(self.range[::2], self.range[1::2], strict=False))
        right = len(self.range) % 2 == 0 and all(low < high for low, high in pairs)
        yield "range", right, "pairs of values, the lower first, such as 0,3000"
        for key in ("epochs", "batch_size", "accumulate", "evaluate_every"):
            yield key, getattr(self, key) >= 1, "1 or more"
        for key, choices in CHOICES.items():
            yield key, getattr(self, key) in choices, " or ".join([", ".join(choices[:-1]), choices[-1]])
        weights = self.class_weights
        yield "class_weights", isinstance(weights, tuple) or weights in WEIGHTS, f"{', '.join(WEIGHTS)} or numbers"
        yield "crop_size", self.crop_size % 32 == 0 and self.crop_size >= 0, "a multiple of 32, or 0"
        yield (
            "accumulate",
            bool(self.crop_size) or self.accumulate >= self.batch_size,
            "batch_size where crop_size is 0",
        )
        yield "scale", 0 < self.scale[0] <= self.scale[1], "two factors, the smaller first"
        yield "unscaled", 0 <= self.unscaled <= 1, "a share between 0 and 1"
        yield "hardest", 0 < self.hardest <= 1, "a share above 0, up to 1"
        yield "ema", 0 <= self.ema < 1, "0 (off) or below 1"
        yield "staged", not self.staged or len(stages_of(self.arch)) > 0, "false for an arch that is no FCN"

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


def stages_of(arch: str) -> list[str]:
    """The nets that lead to `arch`, from 32s on, itself last: "fcn8s" → fcn32s, fcn16s, fcn8s; none of no FCN."""
    found = re.search(r"(?<=fcn)-?(32|16|8|4|2)s$", arch.lower())
    if not found:
        return []
    coarser = [stride for stride in (32, 16, 8, 4, 2) if stride >= int(found[1])]
    return [f"{arch[: found.start(1)]}{stride}s" for stride in coarser]
