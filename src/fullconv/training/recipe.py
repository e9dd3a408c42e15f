"""All settings of a training run with their defaults. A recipe file contains only those that differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError, prefix_errors
from fullconv.models.config import parse_arch
from fullconv.models.published import NETS
from fullconv.typed_values import check_values
from fullconv.yaml_files import read_yaml

WEIGHTS = ("none", "balanced", "enet")
CHOICES = {
    "optimiser": ("adamw", "sgd"),
    "schedule": ("one_cycle", "cosine", "poly", "constant"),
    "pixels": ("mean", "total"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
}
# The smallest and largest value of each number. The rules below state which limits are excluded.
LIMITS: dict[str, tuple[float, float]] = {
    "score_hidden": (0, inf), "epochs": (1, inf), "batch_size": (0, inf), "accumulate": (1, inf), "balance": (0, 1),
    "focused": (0, 1), "unscaled": (0, 1), "flip": (0, 1), "turn": (0, 1), "elastic": (0, 1), "colour": (0, 1),
    "sharpness": (0, 1), "noise": (0, 1), "jpeg": (0, 1), "copy_paste": (0, 1), "teacher_weight": (0, inf),
    "workers": (0, inf), "momentum": (0, 1),
    "trunk_lr_factor": (0, inf), "bias_lr_factor": (0, inf), "weight_decay": (0, inf), "warm_up": (0, 1),
    "clip": (0, inf), "focal": (0, inf), "dice": (0, inf), "lovasz": (0, inf), "stage_lr_factor": (0, inf),
    "patience": (0, inf), "folds": (0, 100), "fold": (0, 100), "evaluate_every": (1, inf), "seed": (0, inf),
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What `fullconv train` does. Lengths are in pixels; learning rates are the peak of the schedule."""

    arch: str = "fcn4s"  # architecture: fcn32s to fcn2s, unet, segnet, encoder-only and others, or a published net
    trunk: str = "tf_efficientnet_lite1"  # encoder: a timm network that gives features at strides 2 to 32
    score_hidden: int = 64  # channels of the 3x3 convolution before each score layer; 0: none, as in the paper
    learned_upsampling: bool = False  # true: train the deconvolutions; false: keep them bilinear
    name: str | None = None  # name of the model in config.json; null: the name of the run's folder
    pretrained: bool | None = None  # true: ImageNet weights for the trunk (package or timm's hub); false: random
    classes: tuple[str, ...] | None = None  # class names to train on; null: all classes of the data
    label_mapping: dict[str, str] = field(default_factory=dict)  # data class → class, or void; rest: all others
    train_split: str = "train"  # split to train on
    val_split: str = "val"  # split that decides which epoch is kept
    longest_side: int | str | None = "auto"  # reduce larger pictures to this; none: never; auto: depends on the masks
    range: tuple[float, ...] = ()  # values to map to 0 and 255, one pair or one per channel; []: measured if needed

    epochs: int = 20  # passes over the labelled pictures; depends on their number if no length is given
    repeat: float = 1.0  # how many times an epoch shows each labelled picture
    batch_size: int = 16  # pictures per step; depends on the number of pictures if not given; 0: as many as a GPU holds
    accumulate: int = 1  # parts into which each process splits its share of a batch, to save memory
    crop_size: int = 256  # side of the training crops; 0: whole pictures, one at a time; smaller for small pictures
    focused: float = 0.0  # share of crops chosen to show a class other than the first, all such classes equally often
    balance: float = 0.0  # classes found in a smaller share of the pictures than this are shown more often; 0: off
    scale: tuple[float, float] = (0.5, 1.75)  # range of the random scale factor
    unscaled: float = 0.25  # share of pictures kept at their own size, since prediction does not resample
    flip: float = 0.5  # share of pictures that are mirrored
    turn: float = 0.0  # share of pictures turned by 90, 180 or 270 degrees; 0.75 for georeferenced ones if not given
    elastic: float = 0.0  # share of pictures that are bent smoothly, by a few pixels; not with a teacher
    colour: float = 0.3  # strength of random brightness, contrast, saturation and hue changes, for 4 pictures in 5
    sharpness: float = 0.0  # share of pictures that are blurred or sharpened
    noise: float = 0.0  # share of pictures that get Gaussian noise
    jpeg: float = 0.0  # share of pictures that are compressed as JPEG with quality 40 to 95
    copy_paste: float = 0.0  # share of pictures that get objects pasted from another picture; arXiv 2012.07177
    unlabelled_share: float = 0.5  # share of unlabelled pictures in an epoch, if a teacher labels some
    workers: int | None = None  # processes that read and augment pictures; null: processors minus one, at most 8

    optimiser: str = "adamw"  # adamw or sgd
    momentum: float = 0.9  # momentum of sgd
    lr: float = 1e-3  # peak learning rate; depends on the batch size if neither is given
    trunk_lr_factor: float = 0.3  # learning rate of the trunk relative to the other layers
    bias_lr_factor: float = 1.0  # learning rate of biases and norms relative to the other parameters of their part
    weight_decay: float = 0.01  # weight decay of kernels; biases and norms have none
    schedule: str = "one_cycle"  # learning rate schedule: one_cycle, cosine, poly or constant
    warm_up: float = 0.1  # share of the steps during which the learning rate rises
    clip: float = 1.0  # gradient clipping: largest norm of the gradient; 0: off
    frozen_norms: bool = False  # true: batch norms keep their initial statistics
    ema: float = 0.998  # decay of the moving average of the parameters, which becomes the model; 0: off

    pixels: str = "mean"  # cross-entropy over the labelled pixels of a batch: mean, or total as in the paper
    class_weights: str | tuple[float, ...] = "none"  # none, balanced, enet, or numbers; set by the masks if not given
    focal: float = 0.0  # focal loss exponent: gives less weight to pixels that are already right; arXiv 1708.02002
    hardest: float = 1.0  # share of labelled pixels that count, those with the largest loss; arXiv 1604.03540
    dice: float = 0.5  # weight of the Dice loss, added to cross-entropy; arXiv 1606.04797
    lovasz: float = 0.0  # weight of the Lovász loss, which extends 1 - IoU; arXiv 1705.08790
    coarse_loss: bool = False  # true: compare labels with an FCN's scores before they are upsampled, which is faster
    teacher_weight: float = 1.0  # weight of the teacher's loss relative to that of the labels
    temperature: float = 1.0  # divisor of the scores when network and teacher are compared

    staged: bool = False  # true: train 32s first, then each finer stride starting from the previous one
    stage_lr_factor: float = 1.0  # learning rate of each stage relative to the previous one
    patience: int = 0  # stop after this many evaluations without an improvement; 0: never; 10 if no length is given
    evaluate_every: int = 1  # epochs between evaluations on val
    precision: str = "auto"  # fp32, bf16 or fp16; auto: bf16 if the processor or GPU supports it in hardware
    compile: bool = False  # true: compile the network with torch.compile
    folds: int = 0  # number of parts into which the labelled pictures are divided; 0: use the data's own splits
    fold: int = 0  # the part that is held back, from 1; 0: each part in turn, in runs of their own
    seed: int = 0  # random seed; the same seed gives the same model

    def __post_init__(self) -> None:
        if self.longest_side == "none":
            object.__setattr__(self, "longest_side", None)
        if self.arch not in NETS:
            parse_arch(self.arch)
        for key, right, want in self._rules():
            if not right:
                raise FullconvError(f"recipe: {key} must be {want}")

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Yields (key, whether its value is right, what it must be)."""
        for key, (least, most) in LIMITS.items():
            value = getattr(self, key)
            yield key, value is None or least <= value <= most, _between(least, most)
        side = self.longest_side
        right = side in (None, "auto") or (isinstance(side, int) and side >= 32)
        yield "longest_side", right, "auto, none, or 32 or more"
        pairs = list(zip(self.range[::2], self.range[1::2], strict=False))
        right = len(self.range) % 2 == 0 and all(low < high for low, high in pairs)
        yield "range", right, "pairs of values, the lower first, such as 0,3000"
        for key, choices in CHOICES.items():
            yield key, getattr(self, key) in choices, " or ".join([", ".join(choices[:-1]), choices[-1]])
        weights = self.class_weights
        right = all(weight >= 0 for weight in weights) if isinstance(weights, tuple) else weights in WEIGHTS
        yield "class_weights", right, f"{', '.join(WEIGHTS)}, or one number per class, 0 or more"
        yield "crop_size", self.crop_size % 32 == 0 and self.crop_size >= 0, "a multiple of 32, or 0"
        yield (
            "accumulate",
            bool(self.crop_size) or self.accumulate >= self.batch_size,
            "batch_size where crop_size is 0",
        )
        yield "batch_size", self.batch_size > 0 or self.crop_size > 0, "1 or more where crop_size is 0"
        yield "scale", 0 < self.scale[0] <= self.scale[1], "two factors, the smaller first"
        yield "hardest", 0 < self.hardest <= 1, "a share above 0, up to 1"
        yield "ema", 0 <= self.ema < 1, "0 (off) or below 1"
        yield "unlabelled_share", 0 <= self.unlabelled_share < 1, "0 or more, below 1"
        yield "temperature", 0 < self.temperature < inf, "a number above 0"
        yield "copy_paste", not self.copy_paste or self.crop_size > 0, "0 where crop_size is 0"
        yield "folds", self.folds != 1, "0, or 2 or more"
        yield "fold", self.fold <= self.folds, "one of the folds"
        yield "repeat", 0 < self.repeat < inf, "a number above 0"
        yield "lr", 0 < self.lr < float("inf"), "a number above 0"
        yield "staged", not self.staged or len(stages_of(self.arch)) > 0, "false for an arch that is not an FCN"

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def _between(least: float, most: float) -> str:
    return f"{least} or more" if most == inf else f"between {least} and {most}"


def from_values(values: Mapping[str, Any]) -> Recipe:
    """Returns a recipe from plain values (YAML, JSON). Raises FullconvError for an unknown key or a wrong value."""
    return changed(Recipe(), values)


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Returns the recipe with these values changed."""
    return replace(recipe, **check_recipe(changes))


def check_recipe(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values in the types of a recipe."""
    with prefix_errors("recipe"):
        return check_values(Recipe, values)


def read_recipe(path: Path | None, **overrides: Any) -> Recipe:
    """Reads the recipe in a YAML file, and changes the keys in `overrides` that are not None."""
    recipe = Recipe()
    if path:
        values = read_yaml(path, [f.name for f in fields(Recipe)])
        with prefix_errors(path):
            recipe = from_values(values)
    return changed(recipe, {key: value for key, value in overrides.items() if value is not None})


def stages_of(arch: str) -> list[str]:
    """Returns the networks that lead to `arch`, starting with 32s: "fcn8s" → fcn32s, fcn16s, fcn8s. Empty if it is no
    FCN."""
    found = re.search(r"(?<=fcn)-?(32|16|8|4|2)s$", arch.lower())
    if not found:
        return []
    coarser = [stride for stride in (32, 16, 8, 4, 2) if stride >= int(found[1])]
    return [f"{arch[: found.start(1)]}{stride}s" for stride in coarser]
