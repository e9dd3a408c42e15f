"""Reads pictures for training as prediction would take them, and continues if some files cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fullconv.classes import LabelMap
from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.training.teacher import Teacher
from fullconv.view import Pixels, reduced, size_with_side
from fullconv.words import counted

MOST = 0.05  # share of the pictures of a split that may be left out
SKIPPED = "skipped.jsonl"
SIDE = 32  # side in pixels of the replacement for a picture that cannot be read


@dataclass(frozen=True)
class Skipped:
    """A file that lists the pictures that were left out and why. Every process adds lines to it."""

    path: Path

    def add(self, picture: Path, error: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"file": str(picture), "error": error}) + "\n")

    def all(self) -> dict[str, str]:
        """{file: error}, each file once"""
        if not self.path.is_file():
            return {}
        lines = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return {line["file"]: line["error"] for line in lines}


def refuse_many(skipped: Mapping[Path, str] | Mapping[str, str], total: int, remedy: str) -> None:
    """Raises FullconvError if more than a twentieth of the pictures cannot be read."""
    if len(skipped) > MOST * total:
        first = next(iter(skipped.values()))
        raise FullconvError(
            f"{len(skipped)} of {counted(total, 'picture')} cannot be read, the first is {first}; {remedy}"
        )


class Read(NamedTuple):
    """A picture before its random changes."""

    image: Tensor  # (C, H, W) uint8 or float32
    labels: Tensor  # (H, W) uint8
    scores: Tensor | None  # (classes of the teacher, h, w) of the whole picture


@dataclass(frozen=True)
class TrainingPicture:
    """One picture as the network sees it. It and its label map are reduced as for prediction."""

    sample: Sample | UnlabelledPicture
    config: ModelConfig
    skipped: Skipped

    def read(self, teacher: Teacher | None = None) -> Read:
        """Returns the picture, or one that is all void, without a teacher, if the file was skipped."""
        try:
            seen, label_map = self.sample.see(self.config.view)
        except FullconvError as error:
            self.skipped.add(self.sample.image_path, str(error))
            return self._nothing()
        longest_side = self.config.longest_side_of(seen.keeps_scale)
        image = np.require(reduced(seen.image, longest_side), requirements="W")
        scores = teacher.scores(self.sample) if teacher else None
        return to_tensors(image, reduced_labels(label_map, longest_side), scores)

    def _nothing(self) -> Read:
        image = np.zeros((SIDE, SIDE, self.config.channels), self.config.input)
        return to_tensors(image, np.full((SIDE, SIDE), self.config.classes.void, np.uint8), None)


def to_tensors(image: Pixels, label_map: LabelMap, scores: Tensor | None) -> Read:
    image = image.astype(np.float32) if image.dtype == np.uint16 else image  # torch can resize float32 but not uint16
    return Read(torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label_map), scores)


def training_pictures(
    samples: Iterable[Sample | UnlabelledPicture], config: ModelConfig, skipped: Skipped
) -> list[TrainingPicture]:
    return [TrainingPicture(sample, config, skipped) for sample in samples]


def reduced_labels(label_map: LabelMap, longest_side: int | None) -> LabelMap:
    """Returns the label map reduced to the size of its image. Labels are never mixed."""
    height, width = label_map.shape
    if longest_side is None or max(height, width) <= longest_side:
        return label_map
    size = size_with_side((height, width), longest_side)
    return np.array(Image.fromarray(label_map).resize(size[::-1], Image.Resampling.NEAREST))
