"""What a model is, as plain values: config.json in memory. Needs no torch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from fullconv.classes import Classes
from fullconv.errors import FullconvError

FORMAT = 1
COARSEST = 32  # the stride of a trunk's last features; networks take heights and widths in multiples of it


@dataclass(frozen=True)
class Architecture:
    """The numbers from which a network is built."""

    trunk: str = "tf_efficientnet_lite0"
    stride: int = 8
    score_hidden: int = 0
    learned_upsampling: bool = False
    family: str = "fcn"
    alignment: str = "same"

    def __post_init__(self) -> None:
        if self.stride not in (4, 8, 16, 32):
            raise FullconvError(f"stride {self.stride}: an FCN fuses scores down to stride 32, 16, 8 or 4")


@dataclass(frozen=True)
class NormalisationValues:
    """Per channel, in units of 0–255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ModelConfig:
    """config.json: everything beside the parameters.

    `longest_side` is the size of photo that the model knows: larger ones are reduced to it before the network and
    their scores enlarged again; None means that pixels have a scale of their own (satellites, microscopes).
    `label_mapping` says which classes of other data count as which of the model's.
    """

    name: str
    architecture: Architecture
    classes: Classes
    normalisation: NormalisationValues
    longest_side: int | None = None
    label_mapping: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ModelConfig:
        """Raises FullconvError where a key is missing or unknown."""
        values = dict(values)
        if values.pop("format", None) != FORMAT:
            raise FullconvError(f"config.json is not of format {FORMAT}; update fullconv, or export the model again")
        try:
            classes, norm = values.pop("classes"), values.pop("normalisation")
            return cls(
                architecture=Architecture(**values.pop("architecture")),
                classes=Classes(tuple(classes["names"]), tuple(map(tuple, classes["colours"])), classes["void"]),
                normalisation=NormalisationValues(tuple(norm["mean"]), tuple(norm["std"])),
                **values,
            )
        except (KeyError, TypeError) as error:
            raise FullconvError(f"config.json is incomplete or has an unknown key: {error}") from None


def parse_arch(arch: str) -> int:
    """The stride of an architecture's name: "fcn8s" → 8."""
    match = re.fullmatch(r"fcn-?(32|16|8|4)s", arch.lower())
    if not match:
        raise FullconvError(f"no architecture {arch!r}; choose fcn32s, fcn16s, fcn8s or fcn4s")
    return int(match[1])
