"""The description of a model as plain values: config.json in memory. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from fullconv.classes import VOID, Classes
from fullconv.errors import FullconvError, UnknownValue, suggestion
from fullconv.typed_json import build_dataclass
from fullconv.view import Range, View

FORMAT = 3
READABLE = (1, 2, 3)  # format 1 had no range of values (every model took uint8), format 2 no temperature
COARSEST = 32  # the stride of a trunk's last features
FAMILIES = {  # their names in titles
    "fcn": "FCN-{stride}s",
    "unet": "U-Net",
    "segnet": "SegNet",
    "segnet-basic": "SegNet-Basic",
    "encoder-only": "encoder only,",
}
ALIGNMENTS = ("same", "caffe", "valid")
STRIDES = (2, 4, 8, 16, 32)
FARTHEST = 2**20  # from one pixel of a window to the other
LONGEST_NAME = 200  # characters
PRINTED = f"text of 1 to {LONGEST_NAME} characters that can be printed"
COLDEST, HOTTEST = 0.01, 100.0  # temperatures
MOST = {"channels": 2**10, "score_hidden": 2**13, "last_kernel": 2**10}


@dataclass(frozen=True)
class Architecture:
    """The numbers that define a network.

    trunk: a timm network; with alignment `caffe`, one of the paper's; "" if the family has its own encoder. stride:
    that of the finest score added. alignment: `same`, `caffe` (padding 100 and crops) or `valid` (the first U-Net).
    heads: {suffix: classes} if several tasks share a trunk; the first is the model's own classes. inputs: their names,
    if several trunks each see three channels and their scores are averaged. skip_scales: factors for the features of
    each skip, coarsest first. last_kernel: side of the kernel of the last deconvolution; 0 means twice its stride.
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
            raise FullconvError(f"stride {self.stride}: scores can be fused down to stride 32, 16, 8, 4 or 2")
        if self.alignment not in ALIGNMENTS:
            raise FullconvError(f"no alignment {self.alignment!r}; choose from {', '.join(ALIGNMENTS)}")
        for key, most in MOST.items():
            if not (key == "channels") <= getattr(self, key) <= most:
                raise FullconvError(f"{key} must not be {getattr(self, key)}")
        if not all(1 <= count <= VOID for count in self.heads.values()) or len(self.heads) > VOID:
            raise FullconvError(f"heads must have 1 to {VOID} classes each")
        if len(self.inputs) > MOST["channels"] or not all(
            map(str.isprintable, (self.trunk, *self.inputs, *self.heads))
        ):
            raise FullconvError("trunk, inputs and heads must be names that can be printed")
        if self.family not in FAMILIES:
            raise FullconvError(f"no family {self.family!r}; choose from {', '.join(FAMILIES)}")

    @property
    def title(self) -> str:
        """ "FCN-8s vgg16", "U-Net", …"""
        return f"{FAMILIES[self.family].format(stride=self.stride)} {self.trunk}".strip()

    @cached_property
    def multiple_of(self) -> int:
        """Heights and widths must be multiples of this. `caffe` takes any size."""
        return 1 if self.alignment == "caffe" else COARSEST


@dataclass(frozen=True)
class NormalisationValues:
    """Mean and deviation of each channel in the network's order, in units of 0–255.

    `order`: the image channel that each of them is, (2, 1, 0) for a network that takes BGR.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: tuple[int, ...] = ()

    @property
    def colour(self) -> tuple[float, ...]:
        """The colour of an image that the network sees as zero."""
        order = self.order or range(len(self.mean))
        return tuple(mean for _, mean in sorted(zip(order, self.mean, strict=True)))


@dataclass(frozen=True)
class ModelConfig:
    """config.json: everything except the parameters.

    `longest_side`: the picture size that the model was trained on. Larger pictures are reduced to it before the
    network, and their scores are enlarged again. None: pixels have a fixed scale (satellites, microscopes). Pictures
    with a position on the ground also have one, unless `reduces_rasters`. `enlarge_to`: pictures whose longer side is
    shorter than this are enlarged to it before the network. `range`: the values of each channel that
    become 0–255. A model with a range takes float32, one without takes uint8. `label_mapping`: which classes of other
    data count as which of the model's. `window`: what the scores of pixel 0 depend on, from the first pixel to the
    last: (-487, 518); None if unknown, or the whole picture. `temperature`: the number that scores are divided by
    before the softmax, so that the probabilities are calibrated.
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
    temperature: float = 1.0
    enlarge_to: int | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """The number of channels of the images that it takes."""
        return len(self.normalisation.mean)

    @property
    def input(self) -> str:
        """The type of the images that it takes, also in model.onnx."""
        return "float32" if self.range else "uint8"

    @cached_property
    def view(self) -> View:
        """How it takes pictures."""
        return View(self.normalisation.colour, self.range, exact=bool(self.range))

    def longest_side_of(self, keeps_scale: bool) -> int | None:
        """The largest side that a picture may have, depending on whether its pixels have a fixed scale."""
        return self.longest_side if self.reduces_rasters or not keeps_scale else None

    def side_for(self, size: tuple[int, int], keeps_scale: bool = False) -> int | None:
        """The length that the longer side of a picture of `size` has for the network, or None if the picture keeps its
        size."""
        most, least, longer = self.longest_side_of(keeps_scale), self.enlarge_to, max(size)
        if most is None or (least or 0) <= longer <= most:
            return None
        return most if longer > most else least

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "input": self.input, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any], file: str = "config.json") -> ModelConfig:
        """Raises FullconvError if a key is missing or unknown, or a value has the wrong type."""
        if not isinstance(values, dict) or values.get("format") not in READABLE:
            raise FullconvError(f"{file} is not in format {FORMAT}; update fullconv, or export the model again")
        # `input` follows from range
        known = {key: value for key, value in values.items() if key not in ("format", "input")}
        return build_dataclass(cls, known, file)

    def __post_init__(self) -> None:
        for key, right, want in self._rules():
            if not right:
                raise FullconvError(f"{key} must be {want}")

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Yields (key, whether its value is right, what it must be)."""
        a, n, c = self.architecture, self.normalisation, self.classes
        channels = a.channels * max(len(a.inputs), 1)
        yield "name", 0 < len(self.name) <= LONGEST_NAME and self.name.isprintable(), PRINTED
        named = all(0 < len(name) <= LONGEST_NAME and name.isprintable() for name in c.names)
        yield "classes.names", named, f"names, each {PRINTED}"
        side = self.longest_side
        yield "longest_side", side is None or 1 <= side <= FARTHEST, f"1 to {FARTHEST}, or null"
        yield "enlarge_to", self.enlarge_to is None or 1 <= self.enlarge_to <= (side or 0), "1 to longest_side, or null"
        window = self.window is None or -FARTHEST <= self.window[0] <= 0 <= self.window[1] <= FARTHEST
        yield "window", window, f"two numbers around 0, at most {FARTHEST} from it, or null"
        yield "normalisation.mean", len(n.mean) == channels, f"one number per channel ({channels})"
        yield "normalisation.std", len(n.std) == channels and min(n.std) > 0, f"one above 0 per channel ({channels})"
        yield "normalisation.order", not n.order or sorted(n.order) == list(range(channels)), "each channel once"
        pairs = len(self.range) in (0, 1, channels) and all(low < high for low, high in self.range)
        yield "range", pairs, f"one pair of numbers per channel ({channels}), the lower first"
        yield "temperature", COLDEST <= self.temperature <= HOTTEST, f"a number from {COLDEST:g} to {HOTTEST:g}"
        yield "classes.void", len(c.names) <= c.void <= VOID, f"{VOID}, or a number that is not a class"
        yield "classes.colours", all(0 <= v <= 255 for colour in c.colours for v in colour), "numbers from 0 to 255"


# What `--arch` takes besides fcn32s … fcn2s: the values in which each differs from the defaults.
_ARCHS: dict[str, dict[str, Any]] = {
    "unet": {"family": "unet", "stride": 2},
    "unet-classic": {"family": "unet", "trunk": "", "stride": 2},
    "unet-valid": {"family": "unet", "trunk": "", "stride": 2, "alignment": "valid"},
    "segnet": {"family": "segnet", "trunk": "", "stride": 2},
    "segnet-basic": {"family": "segnet-basic", "trunk": "", "stride": 2},
    "encoder-only": {"family": "encoder-only", "stride": 32},
}


def parse_arch(arch: str) -> dict[str, Any]:
    """Returns the values of Architecture for a name: "fcn8s" → {"stride": 8}."""
    match = re.fullmatch(r"fcn-?(32|16|8|4|2)s", arch.lower())
    if match:
        return {"stride": int(match[1])}
    if arch.lower() in _ARCHS:
        return _ARCHS[arch.lower()]
    known = ("fcn32s", "fcn16s", "fcn8s", "fcn4s", "fcn2s", *_ARCHS)
    raise UnknownValue(f"no architecture {arch!r}; choose from {', '.join(known)}{suggestion(arch, known)}")


def arch_of(architecture: Architecture) -> str | None:
    """Returns the name for an architecture, ignoring its trunk and score layers, or None if it has no name."""
    a = architecture
    names = [f"fcn{a.stride}s", *sorted(_ARCHS, key=lambda name: -len(_ARCHS[name]))]  # the most specific first
    common = {"trunk": a.trunk, "score_hidden": a.score_hidden, "learned_upsampling": a.learned_upsampling}
    common |= {"channels": a.channels}
    return next((name for name in names if Architecture(**{**common, **parse_arch(name)}) == a), None)
