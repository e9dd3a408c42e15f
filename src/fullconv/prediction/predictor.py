"""Segments one image. The label map has the image's own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv import images
from fullconv.classes import Classes
from fullconv.errors import FullconvError, argument
from fullconv.images import Readable
from fullconv.listed import listed
from fullconv.models.config import ModelConfig
from fullconv.prediction.blending import blended
from fullconv.prediction.engines.among import Among
from fullconv.prediction.engines.choice import Choice, open_engine
from fullconv.prediction.engines.contract import Engine, ModelError
from fullconv.prediction.engines.forked import refuse_forked
from fullconv.prediction.engines.mirrored import Mirrored
from fullconv.prediction.many import predict_many, sources_of
from fullconv.prediction.memory import bytes_of, for_pictures, parse_size
from fullconv.prediction.resizing import Scores, label_map_at, nearest, scores_at
from fullconv.prediction.tiling import Tile, TileChoice, Tiling, plan
from fullconv.segmentation import Segmentation
from fullconv.sources import Source, picture_of
from fullconv.view import EVERYTHING, Picture, Pixels, Reading, View, rgb_of, with_side
from fullconv.weights.model_folder import ModelFolder, open_folder
from fullconv.words import counted

SPARSE = 8  # only every 8th row and column is checked for NaN, because NaN spreads over all pixels
Read = Callable[[tuple[slice, slice]], Pixels]  # (rows, columns) → (h, w, channels), cut off at the picture's end


@dataclass(frozen=True, repr=False)
class Model:
    """A network that is ready to predict, as returned by `load`. It can be used from several threads."""

    config: ModelConfig
    engine: Engine
    asked: tuple[str, ...] = ()

    def among(self, names: str | Sequence[str]) -> Model:
        """The same model, restricted to these classes: each pixel gets the best of these and background. If the model
        has no class named background, label maps do not change, and only the other outputs are restricted.

        Raises FullconvError for an unknown class name, and if there is none.
        """
        asked = tuple(dict.fromkeys(listed("names", names)))
        if not asked:
            raise FullconvError(f"names: none is given; give one or more of {', '.join(self.classes.names)}")
        wanted = {self.classes.index(name) for name in asked}
        if not self.classes.has_background:
            return replace(self, asked=asked)
        others = tuple(sorted(set(range(1, len(self.classes))) - wanted))
        return replace(self, engine=Among(self.engine, others), asked=asked)

    def mirrored(self) -> Model:
        """The same model, which also processes each picture's mirror image and uses the mean of both scores. This is
        slightly better and takes twice the time."""
        return replace(self, engine=Mirrored(self.engine))

    def __getstate__(self) -> object:
        how = "pass its name or folder, and load it in the process that uses it"
        raise ModelError(f"a model cannot be sent to another process; {how}")

    def __copy__(self) -> Model:
        return replace(self)

    def __repr__(self) -> str:
        what = f"{self.config.architecture.title}, {counted(len(self.classes), 'class', 'classes')}"
        return f"Model({self.config.name}: {what}; {self.engine.name} {self.engine.precision})"

    @property
    def ran_by(self) -> str:
        """Engine and precision, in words."""
        return f"{self.engine.name}, {self.engine.precision}"

    @cached_property
    def classes(self) -> Classes:
        """The classes of its label maps: `classes.names[i]` is the class with the value i."""
        return self.config.classes

    @cached_property
    def view(self) -> View:
        """How it takes pictures: the range of each channel, and the colour of what is missing."""
        return self.config.view

    def predict(
        self,
        source: Source,
        scores: bool = False,
        tile: TileChoice = None,
        halo: str | int | None = None,
        reading: Reading = EVERYTHING,
        soft: bool = False,
    ) -> Segmentation:
        """Segments one image and returns its label map, (H, W) uint8 at the image's own size, with the image.

        `source`: a path, the content of a file (bytes, bytearray or memoryview), a file open in binary mode, a PIL
        image, or a uint8 array: (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey. A model for other bands or values also
        takes arrays (H, W, channels) of other numbers.
        `scores`: also keep the scores, (classes, H, W) float32, before the softmax. `tile`: process the image at full
        resolution in tiles of this many pixels, or "auto". `halo`: overlap around each tile in pixels, or "exact" for
        labels identical to processing the whole image at once. `reading`: page, bands and values to read. `soft`: keep
        what the result's `confidence` and soft-edged cut-outs need. Raises FullconvError, in one line, for an image
        that cannot be read or is too large, and for a wrong `tile` or `halo`.
        """
        readable = picture_of(source)
        file = readable if isinstance(readable, Path) else None
        picture = self._open(readable, reading)
        seen = self.view.see(picture, reading)
        as_seen = soft and not scores
        label_map, kept = self.label(seen.image, scores or soft, tile, halo, seen.keeps_scale, as_seen)
        if seen.valid is not None:
            label_map[~seen.valid] = self.classes.void
        photo = rgb_of(seen.image)
        full = None if as_seen else kept
        about = file, picture.georeference, seen.notes
        return Segmentation(
            photo, label_map, self.classes, full, *about, kept, self.asked, self.config.temperature, picture.page,
            picture.pages, {"model": self.config.name, **seen.taken},
        )  # fmt: skip

    def predict_many(
        self,
        sources: Iterable[Source] | Source,
        scores: bool = False,
        on_error: Callable[[Source, FullconvError], object] | None = None,
        memory: int | str | None = None,
    ) -> Iterator[Segmentation]:
        """Segments each picture of an iterable, or of a folder and its subfolders, in order; one picture counts as a
        list of one. Reading, prediction and the caller's own work overlap, and memory does not grow with the number of
        pictures.

        A picture that cannot be read raises FullconvError. With `on_error`, that function is called with the picture
        and the error instead, and the remaining pictures are processed. `load(streams=2)` runs two pictures at once.

        `memory`: the most that the process may take, in bytes or as "2G". Pictures wait until there is room; one that
        can never fit is an error. By default, the pictures in progress and the current result take half of the memory
        that the machine or container has left.
        """
        size = parse_size(memory) if isinstance(memory, str) else memory
        weigh = partial(bytes_of, classes=len(self.classes), scores=scores)
        predict = partial(self.predict, scores=scores)
        yield from predict_many(predict, sources_of(sources), on_error, weigh, for_pictures(size))

    def _open(self, source: Readable, reading: Reading) -> Picture:
        """Opens the source. Models for other bands also accept arrays of those; models with a range, any numbers."""
        takes_more = self.config.range or len(self.view.blank) != 3
        if takes_more and isinstance(source, np.ndarray) and source.shape[2:] == (self.config.channels,):
            return Picture(source)
        return images.open_picture(source, reading.page, reading.max_pixels)

    def label(
        self,
        image: Pixels,
        scores: bool = False,
        tile: TileChoice = None,
        halo: str | int | None = None,
        keeps_scale: bool = False,
        as_seen: bool = False,
    ) -> tuple[NDArray[np.uint8], Scores | None]:
        """(label map, scores if requested) of an image in the model's form (`view`), at its own size. With `as_seen`,
        the scores have the size the network saw, which can differ.

        Prediction, evaluation and validation during training all use this method.
        """
        height, width = image.shape[:2]
        tiling = self.tiling((height, width), tile, halo, scores, keeps_scale)
        if tiling.at_once:
            return self.label_whole(image, scores, tiling.side or None, as_seen)
        return self._label_tiles(image, tiling, scores)

    def label_whole(
        self, image: Pixels, scores: bool, side: int | None, as_seen: bool = False
    ) -> tuple[NDArray[np.uint8], Scores | None]:
        """The same for a picture processed at once. `side`: the length that its longer side has for the network, or
        None to keep its size."""
        resized = with_side(image, side) if side else image
        height, width = resized.shape[:2]
        if not scores and (side is None or side > max(image.shape[:2])):
            labels = np.ascontiguousarray(self._labels(resized)[:height, :width])
            return nearest(labels, image.shape[:2]) if side else labels, None
        raw = self._scores(resized)[:, :height, :width]
        kept = raw if as_seen else scores_at(raw, image.shape[:2]) if scores else None
        return label_map_at(raw, image.shape[:2]), kept

    def label_tiles(
        self, image: Pixels, scores: bool, tile: TileChoice = "auto", halo: str | int | None = None
    ) -> tuple[NDArray[np.uint8], Scores | None]:
        """The same for a picture processed at full resolution, tile by tile."""
        return self.label(image, scores, tile, halo)

    def _label_tiles(self, image: Pixels, tiling: Tiling, scores: bool) -> tuple[NDArray[np.uint8], Scores | None]:
        height, width = tiling.size
        label_map = np.empty((height, width), np.uint8)
        kept = np.empty((len(self.classes), height, width), np.float32) if scores else None
        for tile in tiling.tiles:
            label_map[tile.placing], raw = self.label_tile(image.__getitem__, tiling, tile, scores)
            if kept is not None and raw is not None:
                kept[:, *tile.placing] = raw
        return label_map, kept

    def tiling(
        self,
        size: tuple[int, int],
        tile: TileChoice,
        halo: str | int | None,
        scores: bool = False,
        keeps_scale: bool = False,
    ) -> Tiling:
        """Returns how a picture of `size` (height, width) is processed: at once, or in tiles that fit into the engine's
        memory. Raises FullconvError for an impossible tile or halo."""
        return plan(self.config, size, tile, halo, lambda: self.engine.room(self.config.channels, scores), keeps_scale)

    def label_tile(
        self, read: Read, tiling: Tiling, tile: Tile, scores: bool, as_seen: bool = False
    ) -> tuple[NDArray[np.uint8], Scores | None]:
        """(label map, scores if requested) for the part that a tile keeps; `read` gives any part of the picture.

        `as_seen`: for a picture that is processed at once, the scores have the size that the network saw.
        """
        if tiling.at_once:
            return self.label_whole(read(tile.reading), scores, tiling.side or None, as_seen)
        if tiling.patch:
            raw = blended(lambda part: self._scores(read(part)), tiling.size, tiling.patch, tile)
        elif scores:
            raw = self._scores(read(tile.reading))[:, *tile.keeping]
        else:
            return self._labels(read(tile.reading))[tile.keeping], None
        return raw.argmax(0).astype(np.uint8), raw if scores else None

    def _scores(self, image: Pixels) -> Scores:
        """Returns (C, H, W). H and W are padded to multiples that the network takes."""
        batch = self._batch(image)
        found = self.engine.scores(batch)
        classes = max(
            len(self.classes), found.shape[1] if found.ndim == 4 else 0
        )  # further heads have further channels
        self._refuse_other(found, (1, classes, *batch.shape[1:3]), "f")
        if not np.isfinite(found[..., ::SPARSE, ::SPARSE]).all():
            raise ModelError(f"{self.config.name}: its scores are not numbers; copy the model again")
        return found[0, : len(self.classes)]

    def _labels(self, image: Pixels) -> NDArray[np.uint8]:
        """Returns (H, W). H and W are padded to multiples that the network takes."""
        batch = self._batch(image)
        found = self.engine.label_maps(batch)
        self._refuse_other(found, batch.shape[:3], "u")
        if found.max(initial=0) >= len(self.classes.names):
            problem = f"{self.config.name}: gives class {found.max()}, but config.json lists {len(self.classes)}"
            raise ModelError(f"{problem}; restore files from the same model")
        return found[0]

    def _refuse_other(self, found: NDArray[np.generic], shape: tuple[int, ...], kind: str) -> None:
        """Raises ModelError if the network's output does not fit config.json."""
        if found.shape != shape or found.dtype.kind != kind:
            raise ModelError(
                f"{self.config.name}: gives {found.dtype} of {list(found.shape)} where {list(shape)} was expected; "
                "restore files from the same model"
            )

    def _batch(self, image: Pixels) -> Pixels:
        refuse_forked()
        return padded(image, self.view.blank, self._multiple_of)[None]

    @cached_property
    def _multiple_of(self) -> int:
        return self.config.architecture.multiple_of


def load(
    model: str | Path = "photos",
    engine: str = "auto",
    precision: str = "auto",
    device: str | None = None,
    streams: int = 1,
    threads: int | None = None,
) -> Model:
    """Loads a model: the name of a bundled one, a model folder, or hf://owner/name[@revision] on the Hugging Face hub.

    `engine`: auto, openvino, torch or onnxruntime. `precision`: auto, fp32, bf16, fp16 or int8. `device`: cpu, cuda or
    cuda:1. `streams`: number of threads that will call it at once. `threads`: number of processors to use, None for
    all. Raises FullconvError if the model is missing or damaged, or cannot run with these settings.
    """
    streams = _count("streams", streams)
    threads = None if threads is None else _count("threads", threads, ", or None for all processors")
    return ready(open_folder(model), Choice(engine, precision, device), streams, threads)


def _count(name: str, given: Any, otherwise: str = "") -> int:
    """What was given as the argument `name`, if it is a whole number of 1 or more. Otherwise raises FullconvError."""
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
        raise FullconvError(f"{argument(name, given)}: give a whole number, 1 or more{otherwise}")
    return int(given)


def ready(folder: ModelFolder, choice: Choice, streams: int = 1, threads: int | None = None) -> Model:
    """The same for a model folder that is already open."""
    return Model(folder.config, open_engine(folder, choice, streams, threads))


def predict(source: Source, model: str | Path = "photos", scores: bool = False) -> Segmentation:
    """Loads a model and segments one image: a path, bytes, an open file, a PIL image, or a uint8 array in RGB order.

    Returns its label map, (H, W) uint8 at the image's own size, as a Segmentation; `scores` also keeps the scores,
    (classes, H, W) float32. `model`: as for `load`. Raises FullconvError, in one line, if the image or the model cannot
    be read. For several images, `load` the model once and use its methods. `Model.predict` says more.
    """
    return load(model).predict(source, scores)


def padded(image: Pixels, colour: tuple[float, ...], multiple_of: int) -> Pixels:
    """Pads the image on the right and below to the next multiples, with the mean `colour`, which the network sees as
    zero."""
    height, width = image.shape[:2]
    if height % multiple_of == 0 and width % multiple_of == 0:
        return image
    canvas = np.empty((height + -height % multiple_of, width + -width % multiple_of, image.shape[2]), image.dtype)
    canvas[:height, :width] = image
    canvas[height:] = canvas[:height, width:] = np.round(colour) if image.dtype == np.uint8 else colour
    return canvas
