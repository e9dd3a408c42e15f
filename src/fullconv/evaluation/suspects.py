"""Finds labels that a model confidently disagrees with, per pixel: confident learning (Northcutt, Jiang and Chuang,
arXiv 1911.00068).

The threshold of a class is the mean probability that the model gives it where it is the label. A pixel is suspected if
another class is the model's best and reaches its own threshold: the model is then as sure of the other class as it
usually is where that class is right. Connected suspected pixels of one other class form a region. Thin regions are left
out, because they occur along every border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fullconv.classes import VOID, Classes, LabelMap
from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError
from fullconv.outputs.coco_polygons import box, filled
from fullconv.outputs.regions import Region, regions
from fullconv.prediction.predictor import Model
from fullconv.prediction.resizing import Scores
from fullconv.softness import probabilities

LEAST = 1e-6  # a smaller probability of the label counts as this one
THICK = 5  # pixels per side of a square that must fit into a region, at the size that the network saw

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]
Judge = Callable[[Sample], Model]  # returns the model that judges a picture; if possible, one that has not seen it


@dataclass(frozen=True)
class Suspect:
    """A region whose label may be wrong. `weight`: how many times as probable the model finds `suggested` as the label
    (the natural logarithm, the mean over the pixels), times the square root of the region's share of the picture: its
    pixels are not independent, so evidence grows more slowly than area. `box`: left, top, right, bottom in pixels of
    the picture."""

    label: int
    suggested: int
    pixels: int
    box: tuple[int, int, int, int]
    weight: float

    def to_json(self, classes: Classes) -> dict[str, Any]:
        names = {"label": classes.names[self.label], "suggested": classes.names[self.suggested]}
        return {**names, "pixels": self.pixels, "box": list(self.box), "weight": self.weight}


@dataclass(frozen=True)
class Suspicion:
    """A picture and its suspected regions, the largest weight first."""

    sample: Sample
    suspects: tuple[Suspect, ...]

    @property
    def weight(self) -> float:
        """The weight of its heaviest region. A sum would not do: errors along borders add up in any crowded picture."""
        return self.suspects[0].weight

    def to_json(self, classes: Classes) -> dict[str, Any]:
        regions_ = [suspect.to_json(classes) for suspect in self.suspects]
        return {"file": str(self.sample.image_path), "weight": self.weight, "regions": regions_}


@dataclass(frozen=True)
class Opinion:
    """What a model predicts for a labelled picture: probabilities (C, h, w) and labels (h, w) at the size that the
    network saw. `size` is that of the picture (height, width)."""

    chances: Scores
    labels: LabelMap
    size: tuple[int, int]


def find_suspects(judge: Judge, samples: Sequence[Sample], progress: Progress = iter) -> list[Suspicion]:
    """Returns the pictures with suspected regions, the most suspicious first. Leaves out files that cannot be read;
    `check` reports them. Runs every picture twice: once for the thresholds, and once to apply them."""
    limits = thresholds(opinion for sample in progress(samples) if (opinion := opinion_of(judge, sample)))
    found = []
    for sample in progress(samples):
        opinion = opinion_of(judge, sample)
        if opinion and (suspects := suspects_in(opinion, limits)):
            found.append(Suspicion(sample, tuple(suspects)))
    return sorted(found, key=lambda suspicion: -suspicion.weight)


def opinion_of(judge: Judge, sample: Sample) -> Opinion | None:
    model = judge(sample)
    try:
        seen, truth = sample.see(model.view)
    except FullconvError:
        return None
    _, scores = model.label(seen.image, scores=True, keeps_scale=seen.keeps_scale, as_seen=True)
    assert scores is not None  # they were requested
    height, width = scores.shape[1:]
    labels = Image.fromarray(truth).resize((width, height), Image.Resampling.NEAREST)
    return Opinion(probabilities(scores), np.asarray(labels), (truth.shape[0], truth.shape[1]))


def thresholds(opinions: Iterable[Opinion]) -> NDArray[np.float64]:
    """(C,): the mean probability of each class over the pixels with that label. Above 1 for a class without any, which
    is then never suggested."""
    total = count = np.zeros(1)
    for opinion in opinions:
        classes = len(opinion.chances)
        known = opinion.labels < classes
        labels, own = opinion.labels[known], label_probability(opinion)[known]
        total = total + np.bincount(labels, own, classes)
        count = count + np.bincount(labels, minlength=classes)
    return np.where(count > 0, total / np.maximum(count, 1), 2.0)


def label_probability(opinion: Opinion) -> Scores:
    """(h, w): the probability of the label, or of no class where it is void."""
    index = np.minimum(opinion.labels, len(opinion.chances) - 1)[None]
    return np.take_along_axis(opinion.chances, index.astype(np.intp), 0)[0]


def suspects_in(opinion: Opinion, limits: NDArray[np.float64]) -> list[Suspect]:
    """Returns the suspects, the largest weight first."""
    best, sure = opinion.chances.argmax(0), opinion.chances.max(0)
    doubted = (opinion.labels < len(opinion.chances)) & (best != opinion.labels) & (sure >= limits[best])
    suggested = np.where(doubted, best, VOID).astype(np.uint8)
    evidence = np.log(sure / np.maximum(label_probability(opinion), LEAST))
    found = [suspect_of(region, opinion, evidence) for region in regions(suggested) if region.value != VOID]
    return sorted((one for one in found if one), key=lambda one: -one.weight)


def suspect_of(region: Region, opinion: Opinion, evidence: Scores) -> Suspect | None:
    """Returns None for a thin region."""
    left, top, right, bottom = box(region.outline)
    mask = filled(region)
    if not is_thick(mask):
        return None
    labels = opinion.labels[top:bottom, left:right][mask]
    scale = np.array(opinion.size[::-1]) / opinion.labels.shape[::-1]  # x, y
    corners = np.concatenate([np.floor(scale * (left, top)), np.ceil(scale * (right, bottom))]).astype(int)
    weight = float(evidence[top:bottom, left:right][mask].mean() * np.sqrt(mask.sum() / opinion.labels.size))
    pixels = round(int(mask.sum()) * float(scale.prod()))
    x0, y0, x1, y1 = corners.tolist()
    return Suspect(int(np.bincount(labels).argmax()), region.value, pixels, (x0, y0, x1, y1), weight)


def is_thick(mask: NDArray[np.bool_]) -> bool:
    """Whether a square of THICK pixels per side fits into it."""
    framed = Image.fromarray(np.pad(mask, THICK).view(np.uint8))
    return bool(np.asarray(framed.filter(ImageFilter.MinFilter(THICK))).any())
