"""Labelled pictures as training shows them to a network: what prediction would see, and a way past lost files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.data.dataset import LabelMap, Sample
from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.view import Pixels, reduced, reduced_size

MOST = 0.05  # share of a split's pictures that may be left out
SKIPPED = "skipped.jsonl"
SIDE = 32  # pixels of what stands for a picture that cannot be read


@dataclass(frozen=True)
class Skipped:
    """A file of the pictures that were left out, and why; whichever process meets one adds a line."""

    path: Path

    def add(self, picture: Path, error: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"file": str(picture), "error": error}) + "\n")

    def all(self) -> dict[str, str]:
        """{file: error}, each once."""
        if not self.path.is_file():
            return {}
        lines = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return {line["file"]: line["error"] for line in lines}


def refuse_many(skipped: Mapping[Path, str] | Mapping[str, str], total: int, remedy: str) -> None:
    """Raises FullconvError where more than a twentieth of the pictures cannot be read."""
    if len(skipped) > MOST * total:
        first = next(iter(skipped.values()))
        raise FullconvError(f"{len(skipped)} of {total} pictures cannot be read, the first: {first}; {remedy}")


@dataclass(frozen=True)
class TrainingPicture:
    """One sample as the network sees it, reduced as prediction reduces it, its label map with it."""

    sample: Sample
    config: ModelConfig
    skipped: Skipped

    def read(self) -> tuple[Pixels, LabelMap]:
        """(H, W, channels) uint8 or float32, (H, W). Wholly void where the file is not to be read any more."""
        try:
            seen, label_map = self.sample.see(self.config.view)
        except FullconvError as error:
            self.skipped.add(self.sample.image_path, str(error))
            return self._nothing()
        longest_side = self.config.longest_side_of(seen.keeps_scale)
        image = reduced(seen.image, longest_side)
        return np.require(image, requirements="W"), reduced_labels(label_map, longest_side)

    def _nothing(self) -> tuple[Pixels, LabelMap]:
        image = np.zeros((SIDE, SIDE, self.config.channels), self.config.input)
        return image, np.full((SIDE, SIDE), self.config.classes.void, np.uint8)


def training_pictures(samples: Iterable[Sample], config: ModelConfig, skipped: Skipped) -> list[TrainingPicture]:
    return [TrainingPicture(sample, config, skipped) for sample in samples]


def reduced_labels(label_map: LabelMap, longest_side: int | None) -> LabelMap:
    """The label map made as small as its image; labels are never mixed."""
    height, width = label_map.shape
    if longest_side is None or max(height, width) <= longest_side:
        return label_map
    size = reduced_size((height, width), longest_side)
    return np.array(Image.fromarray(label_map).resize(size[::-1], Image.Resampling.NEAREST))
