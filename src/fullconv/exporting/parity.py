"""Compares an export with its source: the same labels on real pictures, and the loss in mean IoU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.data.dataset import Sample
from fullconv.evaluation.scoring import label_sample
from fullconv.metrics import Confusion
from fullconv.models.config import ModelConfig
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.predictor import Model, padded
from fullconv.view import Pixels, reduced

SIZES = (96, 128), (224, 320), (384, 512)
EQUAL = 0.9999  # of the labels; where two classes have nearly equal scores, rounding decides
PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Agreement:
    """At one size: the share of equal labels, and how many were compared."""

    size: tuple[int, int]
    equal: float
    pixels: int

    def __str__(self) -> str:
        return f"{self.size[1]}x{self.size[0]}: {self.equal:.6f} of {self.pixels} labels equal"


def agreements(
    config: ModelConfig, source: Engine, exported: Engine, photos: Iterable[images.ImageArray],
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> list[Agreement]:  # fmt: skip
    """Runs both engines on each photo at several sizes. Its values count as already mapped to the model's range."""
    found = []
    photos = list(photos)
    for size in sizes:
        batches = [_shaped(photo, size, config.channels).astype(config.input) for photo in photos]
        equal = [source.label_maps(batch) == exported.label_maps(batch) for batch in batches]
        found.append(Agreement(size, float(np.mean(equal)), sum(part.size for part in equal)))
    return found


def mean_ious(models: Sequence[Model], samples: Iterable[Sample]) -> list[float]:
    """The mean IoU (0–1) of each model on the same samples."""
    confusions = [Confusion(model.classes) for model in models]
    for sample in samples:
        for model, confusion in zip(models, confusions, strict=True):
            _, truth, label_map = label_sample(model, sample)
            confusion.add(truth, label_map)
    return [confusion.report()["mean_iou"] for confusion in confusions]


def own_photos() -> list[images.ImageArray]:
    """Returns the photos in the package, or in examples/ of a checkout."""
    places = PACKAGE / "bundled" / "examples", PACKAGE.parent.parent / "examples"
    return [images.read(path) for folder in places for path in sorted(folder.glob("*.jpg"))]


def calibration(config: ModelConfig, samples: Sequence[Sample], count: int) -> Iterator[Pixels]:
    """Yields `count` pictures, evenly spaced in the samples, as the engine takes them: (1, H, W, channels)."""
    chosen = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int)
    for index in chosen:
        seen = config.view.fixed().see(samples[index].read_picture())
        image = reduced(seen.image, config.longest_side_of(seen.keeps_scale))
        yield padded(image, config.normalisation.colour, config.architecture.multiple_of)[None]


def _shaped(photo: images.ImageArray, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """(1, height, width, channels). A network of more than three channels gets them repeated."""
    small = np.asarray(Image.fromarray(photo).resize(size[::-1], Image.Resampling.BILINEAR))
    return np.ascontiguousarray(small[None, ..., np.arange(channels) % 3])
