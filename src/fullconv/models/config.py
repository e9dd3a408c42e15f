"""What a model is, as plain values: config.json in memory. Needs no torch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.view import Range, View

FORMAT = 2
READABLE = (1, 2)  # 1 knew no range of values: every model took uint8
COARSEST = 32  # the stride of a trunk's last features
FAMILIES = ("fcn", "unet", "segnet", "segnet-basic", "encoder-only")
STRIDES = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Architecture:
    """The numbers from which a network is built.

    trunk: a timm network; with alignment `caffe` one of the paper's; "" where a family brings its own encoder.
    stride: the finest score fused. alignment: `same`, `caffe` (padding 100 and crops) or `valid` (the first U-Net).
    heads: {suffix: classes} where several tasks share a trunk; the first is the model's own classes.
    inputs: where several trunks each see three channels of their own and their scores are averaged, their names.
    skip_scales: what the features of each skip are multiplied by, coarsest first. last_kernel: side of the last
    deconvolution's kernel; 0 is twice its stride.
    """

    trunk: str = "tf_efficientnet_lite0"
    stride: int = 8
    score_hidden: int = 0
    learned_upsampling: bool = False
    family: str = "fcn"
    alignment: str = "same"
    channels: int = 3
    heads: dict[str, int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    skip_scales: tuple[float, ...] = ()
    last_kernel: int = 0

    def __post_init__(self) -> None:
        if self.stride not in STRIDES:
            raise FullconvError(f"stride {self.stride}: scores are fused down to stride 32, 16, 8, 4 or 2")
        if self.family not in FAMILIES:
            raise FullconvError(f"no family {self.family!r}; choose among {', '.join(FAMILIES)}")

    @property
    def title(self) -> str:
        """ "FCN-8s vgg16", "U-Net", …"""
        name = {"fcn": f"FCN-{self.stride}s", "unet": "U-Net", "segnet": "SegNet", "segnet-basic": "SegNet-Basic"}
        return f"{name.get(self.family, 'encoder only,')} {self.trunk}".strip()

    @property
    def multiple_of(self) -> int:
        """Heights and widths that the network takes; `caffe` aligns any size by itself."""
        return 1 if self.alignment == "caffe" else COARSEST


@dataclass(frozen=True)
class NormalisationValues:
    """Mean and deviation of each channel as the network takes them, in units of 0–255.

    `order` names the image's channel that each of them is: (2, 1, 0) for a network that takes BGR.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: tuple[int, ...] = ()

    @property
    def colour(self) -> tuple[float, ...]:
        """The image's colour that the network sees as zero."""
        order = self.order or range(len(self.mean))
        return tuple(mean for _, mean in sorted(zip(order, self.mean, strict=True)))


@dataclass(frozen=True)
class ModelConfig:
    """config.json: everything beside the parameters.

    `longest_side` is the size of picture that the model knows: larger ones are reduced to it before the network and
    their scores enlarged again; None means that pixels have a scale of their own (satellites, microscopes), as those
    have that lie on the ground, unless `reduces_rasters`. `range`: the values of each channel that become 0–255; a
    model that has it takes float32, without it takes uint8.
    `label_mapping` says which classes of other data count as which of the model's. `window` is what the scores of pixel
    0 depend on, from the first pixel to the last: (-487, 518); None where that is unknown or the whole picture.
    """

    name: str
    architecture: Architecture
    classes: Classes
    normalisation: NormalisationValues
    longest_side: int | None = None
    reduces_rasters: bool = False
    range: tuple[Range, ...] = ()
    window: tuple[int, int] | None = None
    label_mapping: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Those of the images that it takes."""
        return len(self.normalisation.mean)

    @property
    def input(self) -> str:
        """The type of the images that it takes, in model.onnx too."""
        return "float32" if self.range else "uint8"

    @property
    def view(self) -> View:
        """How it takes pictures."""
        return View(self.normalisation.colour, self.range, exact=bool(self.range))

    def longest_side_of(self, keeps_scale: bool) -> int | None:
        """The longest side that a picture may have, of one whose pixels have a scale of their own or not."""
        return self.longest_side if self.reduces_rasters or not keeps_scale else None

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "input": self.input, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ModelConfig:
        """Raises FullconvError where a key is missing or unknown."""
        values = dict(values)
        if values.pop("format", None) not in READABLE:
            raise FullconvError(f"config.json is not of format {FORMAT}; update fullconv, or export the model again")
        values.pop("input", None)  # follows from the range
        try:
            classes, window = values.pop("classes"), values.pop("window", None)
            return cls(
                architecture=Architecture(**_with_tuples(values.pop("architecture"))),
                classes=Classes(tuple(classes["names"]), tuple(map(tuple, classes["colours"])), classes["void"]),
                normalisation=NormalisationValues(**_with_tuples(values.pop("normalisation"))),
                range=tuple((float(low), float(high)) for low, high in values.pop("range", ())),
                window=tuple(window) if window else None,
                **values,
            )
        except (KeyError, TypeError) as error:
            raise FullconvError(f"config.json is incomplete or has an unknown key: {error}") from None


# What `--arch` takes beside fcn32s … fcn2s: the values in which each differs from the defaults.
_ARCHS: dict[str, dict[str, Any]] = {
    "unet": {"family": "unet", "stride": 2},
    "unet-classic": {"family": "unet", "trunk": "", "stride": 2},
    "unet-valid": {"family": "unet", "trunk": "", "stride": 2, "alignment": "valid"},
    "segnet": {"family": "segnet", "trunk": "", "stride": 2},
    "segnet-basic": {"family": "segnet-basic", "trunk": "", "stride": 2},
    "encoder-only": {"family": "encoder-only", "stride": 32},
}


def parse_arch(arch: str) -> dict[str, Any]:
    """The values of Architecture that a name stands for: "fcn8s" → {"stride": 8}."""
    match = re.fullmatch(r"fcn-?(32|16|8|4|2)s", arch.lower())
    if match:
        return {"stride": int(match[1])}
    if arch.lower() in _ARCHS:
        return _ARCHS[arch.lower()]
    raise FullconvError(f"no architecture {arch!r}; choose fcn32s, fcn16s, fcn8s, fcn4s, fcn2s, {', '.join(_ARCHS)}")


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
