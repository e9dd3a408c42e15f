"""One image → its label map, at the image's own size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.classes import Classes
from fullconv.images import ImageArray, Source
from fullconv.models.config import ModelConfig
from fullconv.prediction.engines import Engine, open_engine
from fullconv.prediction.tiling import halo_of, tiles
from fullconv.segmentation import Segmentation
from fullconv.weights.folder import find_model, read_config

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """A network ready to predict: what `load` gives."""

    config: ModelConfig
    engine: Engine

    @property
    def classes(self) -> Classes:
        return self.config.classes

    def predict(
        self, source: Source, scores: bool = False, tile: int | None = None, halo: str | int | None = None
    ) -> Segmentation:
        """Segments a path, the bytes of a file, a PIL image or an HxWx3 uint8 array; `scores` keeps the scores too.

        With `tile` pixels a side the picture is seen at its own scale, tile by tile, each with `halo` pixels around it;
        "exact" gives the labels of the whole picture seen at once.
        """
        image, file = images.read(source), Path(source) if isinstance(source, (str, Path)) else None
        if tile:
            label_map, kept = self.label_tiles(image, scores, tile, halo_of(self.config, halo))
        else:
            label_map, kept = self.label_whole(image, scores)
        return Segmentation(image, label_map, self.classes, kept, source=file)

    def label_whole(self, image: ImageArray, scores: bool) -> tuple[NDArray[np.uint8], Scores | None]:
        """(label map, the scores where wanted) of a picture seen at once, reduced to the size that the model knows."""
        small = reduced(image, self.config.longest_side)
        height, width = small.shape[:2]
        batch = padded(small, self.config.normalisation.colour, self.config.architecture.multiple_of)[None]
        if small is image and not scores:
            return np.ascontiguousarray(self.engine.label_maps(batch)[0, :height, :width]), None
        raw = self.engine.scores(batch)[0, : len(self.classes), :height, :width]
        return label_map_at(raw, image.shape[:2]), scores_at(raw, image.shape[:2]) if scores else None

    def label_tiles(
        self, image: ImageArray, scores: bool, tile: int, halo: int
    ) -> tuple[NDArray[np.uint8], Scores | None]:
        """The same of a picture seen at its own scale, a tile at a time."""
        height, width = image.shape[:2]
        label_map = np.empty((height, width), np.uint8)
        kept = np.empty((len(self.classes), height, width), np.float32) if scores else None
        for part in tiles(height, width, tile, halo):
            piece = image[part.rows.reading, part.columns.reading]
            size = piece.shape[:2]
            batch = padded(piece, self.config.normalisation.colour, self.config.architecture.multiple_of)[None]
            place, inside = (part.rows.placing, part.columns.placing), (part.rows.keeping, part.columns.keeping)
            if kept is None:
                label_map[place] = self.engine.label_maps(batch)[0, : size[0], : size[1]][inside]
            else:
                raw = self.engine.scores(batch)[0, : len(self.classes), : size[0], : size[1]]
                kept[:, *place] = raw[:, *inside]
                label_map[place] = raw[:, *inside].argmax(0)
        return label_map, kept


def load(
    model: str | Path = "animals",
    engine: str = "auto",
    precision: str = "auto",
    device: str | None = None,
    streams: int = 1,
) -> Model:
    """A bundled model by name, or a model folder. `streams`: how many threads will call it at once."""
    folder = find_model(model)
    config = read_config(folder)
    fixed = config.architecture.multiple_of > 1
    return Model(config, open_engine(folder, engine, precision, device, streams, fixed))


def predict(source: Source, model: str | Path = "animals", scores: bool = False) -> Segmentation:
    """Loads a model and segments one image; for more than one, `load` once."""
    return load(model).predict(source, scores)


def reduced(image: ImageArray, longest_side: int | None) -> ImageArray:
    """The image, made smaller where its longer side exceeds `longest_side`, which is what the model knows."""
    height, width = image.shape[:2]
    if longest_side is None or max(height, width) <= longest_side:
        return image
    factor = longest_side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def padded(image: ImageArray, colour: tuple[float, ...], multiple_of: int) -> ImageArray:
    """The image with `colour` (the mean: zero to the network) to the right and below, up to the next multiples."""
    height, width = image.shape[:2]
    if height % multiple_of == 0 and width % multiple_of == 0:
        return image
    canvas = np.empty((height + -height % multiple_of, width + -width % multiple_of, 3), np.uint8)
    canvas[:] = np.round(colour)
    canvas[:height, :width] = image
    return canvas


def scores_at(scores: Scores, size: tuple[int, ...]) -> Scores:
    """(C, h, w) → (C, H, W), bilinear."""
    if scores.shape[1:] == tuple(size):
        return scores
    return np.stack([_resized(plane, size) for plane in scores])


def label_map_at(scores: Scores, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """(C, h, w) → (H, W), H ≥ h and W ≥ w: the best class of the enlarged scores, holding two planes at a time."""
    first, *others = contenders(scores)
    best = _resized(scores[first], size)
    label_map = np.full(size, first, np.uint8)
    for index in others:
        plane = _resized(scores[index], size)
        label_map[plane > best] = index
        np.maximum(best, plane, out=best)
    return label_map


def contenders(scores: Scores) -> list[int]:
    """The classes that may be best somewhere between the pixels, where a score is a mean of the four around it.

    Out is a class whose largest of four is below another's smallest of them, everywhere.
    """
    around = np.pad(scores, ((0, 0), (0, 1), (0, 1)), "edge")
    corners = around[:, :-1, :-1], around[:, :-1, 1:], around[:, 1:, :-1], around[:, 1:, 1:]
    least, most = np.minimum(corners[0], corners[1]), np.maximum(corners[0], corners[1])
    for corner in corners[2:]:
        least, most = np.minimum(least, corner), np.maximum(most, corner)
    rounding = 1e-5 * np.abs(scores).max()
    return [int(i) for i in np.flatnonzero((most >= least.max(0) - rounding).any((1, 2)))]


def _resized(plane: NDArray[np.float32], size: tuple[int, ...]) -> Scores:
    height, width = size
    return np.array(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
