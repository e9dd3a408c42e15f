"""Every number of a training run, with its default; a recipe file holds only what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError, told_of
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
# The least and the most that a number may be; where the most is no part of it, the rules below say so.
LIMITS: dict[str, tuple[float, float]] = {
    "score_hidden": (0, inf), "epochs": (1, inf), "batch_size": (1, inf), "accumulate": (1, inf), "balance": (0, 1),
    "focused": (0, 1), "unscaled": (0, 1), "flip": (0, 1), "colour": (0, 1),
    "sharpness": (0, 1), "noise": (0, 1), "jpeg": (0, 1), "copy_paste": (0, 1), "teacher_weight": (0, inf),
    "workers": (0, inf), "momentum": (0, 1),
    "trunk_lr_factor": (0, inf), "bias_lr_factor": (0, inf), "weight_decay": (0, inf), "warm_up": (0, 1),
    "clip": (0, inf), "focal": (0, inf), "dice": (0, inf), "lovasz": (0, inf), "stage_lr_factor": (0, inf),
    "patience": (0, inf), "evaluate_every": (1, inf), "seed": (0, inf),
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What `fullconv train` does. Lengths are in pixels, learning rates are the schedule's peak."""

    arch: str = "fcn4s"  # fcn32s … fcn2s, unet, segnet, encoder-only and others, or a published net
    trunk: str = "tf_efficientnet_lite1"  # the encoder: a timm network with features at strides 2 to 32
    score_hidden: int = 64  # channels of a 3x3 convolution before each score; 0: none, as in the paper
    learned_upsampling: bool = False  # whether deconvolutions are trained; otherwise they stay bilinear
    name: str = "model"  # name of the model in config.json
    pretrained: bool | None = None  # true: ImageNet weights for the trunk (package or timm's hub); false: random
    classes: tuple[str, ...] | None = None  # names of the classes to train on; null: all classes of the data
    label_mapping: dict[str, str] = field(default_factory=dict)  # classes of the data that count as others, or as void
    train_split: str = "train"  # the split to train on
    val_split: str = "val"  # the split that chooses the best epoch
    longest_side: int | str | None = "auto"  # larger pictures are reduced to this; none: never; auto: by the masks
    range: tuple[float, ...] = ()  # values that become 0 and 255, one pair or one per channel; []: measured if needed

    epochs: int = 20  # passes over the labelled pictures; chosen to fit the data if no length is given
    repeat: float = 1.0  # how often an epoch shows each labelled picture
    batch_size: int = 16  # pictures per step, over all processes; chosen to fit the data if not given
    accumulate: int = 1  # number of parts in which each process runs its share of a batch, to save memory
    crop_size: int = 256  # side in pixels; 0: whole pictures, one at a time; fitted to small pictures if not given
    focused: float = 0.0  # share of the crops that show a class other than the first, each class equally often
    balance: float = 0.0  # a class in a smaller share of the pictures than this is shown more often; 0: never
    scale: tuple[float, float] = (0.5, 1.75)  # pictures are scaled by a random factor between these two
    unscaled: float = 0.25  # share not resampled, since resampling smooths and prediction sees pictures as they are
    flip: float = 0.5  # share of the pictures that are mirrored
    colour: float = 0.3  # strength of random brightness, contrast, saturation and hue, in 4 of 5 pictures
    sharpness: float = 0.0  # share of the pictures that are blurred or sharpened
    noise: float = 0.0  # share of the pictures that get Gaussian noise
    jpeg: float = 0.0  # share of the pictures that are first saved as a JPEG of quality 40 to 95
    copy_paste: float = 0.0  # share of the pictures that get the objects of another picture; arXiv 2012.07177
    unlabelled_share: float = 0.5  # share of pictures without labels in an epoch, if there is a teacher
    workers: int | None = None  # processes that read and augment; null: one less than the number of processors, up to 8

    optimiser: str = "adamw"  # adamw or sgd
    momentum: float = 0.9  # momentum of sgd
    lr: float = 1e-3  # peak learning rate; chosen to fit the batch size if not given
    trunk_lr_factor: float = 0.3  # learning rate of the trunk, relative to lr
    bias_lr_factor: float = 1.0  # learning rate of biases and norms, relative to that of their layer; they never decay
    weight_decay: float = 0.01  # weight decay of kernels; biases and norms have none
    schedule: str = "one_cycle"  # one_cycle, cosine, poly or constant
    warm_up: float = 0.1  # share of the steps in which the learning rate rises
    clip: float = 1.0  # largest norm of the gradient; 0: no limit
    frozen_norms: bool = False  # whether batch norms keep their initial statistics
    ema: float = 0.998  # decay of the moving average of the parameters, which is what is saved; 0: none

    pixels: str = "mean"  # cross-entropy over the labelled pixels of a batch: its mean, or as in the paper its total
    class_weights: str | tuple[float, ...] = "none"  # none, balanced, enet, or one number per class
    focal: float = 0.0  # exponent that reduces the weight of pixels that are already right; arXiv 1708.02002
    hardest: float = 1.0  # share of the labelled pixels that count, those with the highest loss; arXiv 1604.03540
    dice: float = 0.5  # weight of 1 - Dice, added to cross-entropy; arXiv 1606.04797
    lovasz: float = 0.0  # weight of the Lovász extension of 1 - IoU, added to cross-entropy; arXiv 1705.08790
    coarse_loss: bool = False  # whether labels are compared with an FCN's scores before upsampling, which is faster
    teacher_weight: float = 1.0  # weight of the teacher, relative to the labels
    temperature: float = 1.0  # scores of the network and the teacher are divided by this before they are compared

    staged: bool = False  # train 32s first, then each finer stride from the one before
    stage_lr_factor: float = 1.0  # learning rate of each stage, relative to the stage before
    patience: int = 0  # end the run after this many evaluations without improvement; 0: never
    evaluate_every: int = 1  # epochs between two evaluations on val
    precision: str = "auto"  # fp32, bf16 or fp16; auto: bf16 if the processor or GPU multiplies in it
    compile: bool = False  # whether to compile the network first
    seed: int = 0  # same seed, same model

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
        yield "class_weights", right, f"{', '.join(WEIGHTS)}, or a number for each class, 0 or more"
        yield "crop_size", self.crop_size % 32 == 0 and self.crop_size >= 0, "a multiple of 32, or 0"
        yield (
            "accumulate",
            bool(self.crop_size) or self.accumulate >= self.batch_size,
            "batch_size where crop_size is 0",
        )
        yield "scale", 0 < self.scale[0] <= self.scale[1], "two factors, the smaller first"
        yield "hardest", 0 < self.hardest <= 1, "a share above 0, up to 1"
        yield "ema", 0 <= self.ema < 1, "0 (off) or below 1"
        yield "unlabelled_share", 0 <= self.unlabelled_share < 1, "0 or more, below 1"
        yield "temperature", 0 < self.temperature < inf, "a number above 0"
        yield "copy_paste", not self.copy_paste or self.crop_size > 0, "0 where crop_size is 0"
        yield "repeat", 0 < self.repeat < inf, "a number above 0"
        yield "lr", 0 < self.lr < float("inf"), "a number above 0"
        yield "staged", not self.staged or len(stages_of(self.arch)) > 0, "false for an arch that is no FCN"

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def _between(least: float, most: float) -> str:
    return f"{least} or more" if most == inf else f"between {least} and {most}"


def from_values(values: Mapping[str, Any]) -> Recipe:
    """A recipe from plain values (YAML, JSON). Raises FullconvError for a key or a value that is none of a recipe."""
    return changed(Recipe(), values)


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with these values in place of its own."""
    return replace(recipe, **check_recipe(changes))


def check_recipe(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the types that a recipe has."""
    with told_of("recipe"):
        return check_values(Recipe, values)


def read_recipe(path: Path | None, **overrides: Any) -> Recipe:
    """The recipe in a YAML file, changed by whatever of `overrides` is not None."""
    recipe = Recipe()
    if path:
        values = read_yaml(path, [f.name for f in fields(Recipe)])
        with told_of(path):
            recipe = from_values(values)
    return changed(recipe, {key: value for key, value in overrides.items() if value is not None})


def stages_of(arch: str) -> list[str]:
    """The nets that lead to `arch`, from 32s on, itself last: "fcn8s" → fcn32s, fcn16s, fcn8s; none of no FCN."""
    found = re.search(r"(?<=fcn)-?(32|16|8|4|2)s$", arch.lower())
    if not found:
        return []
    coarser = [stride for stride in (32, 16, 8, 4, 2) if stride >= int(found[1])]
    return [f"{arch[: found.start(1)]}{stride}s" for stride in coarser]
