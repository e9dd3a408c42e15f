"""The result of a prediction, which predictors return and writers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.georeference import Georeference
from fullconv.overlay import painted

DEFAULT_OUTPUTS = ("labels", "masks", "overlay")


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """An image and the class of each of its pixels. Two are equal if image, labels, scores and classes are equal.

    `image`: (H, W, 3) uint8 RGB, upright. `label_map`: (H, W) uint8 class indices, at the image's own size. `scores`:
    (classes, H, W) float32, or None unless requested. `source`: the file the image was read from, if any.
    `georeference`: the image's position on the ground, if known. `notes`: choices made while reading the image, such as
    the range of its values. `seen_scores`: (classes, h, w), the scores at the size the network saw, which can be
    smaller. `asked`: the only classes requested; empty for all. `temperature`: the number that scores are divided by
    before they become probabilities. `page`, `pages`: which page of its file it is, from 1, and how many there are.
    `tags`: how it was made, as written in GeoTIFFs: model, bands and values.
    """

    image: NDArray[np.uint8]
    label_map: NDArray[np.uint8]
    classes: Classes
    scores: NDArray[np.float32] | None = None
    source: Path | None = None
    georeference: Georeference | None = None
    notes: tuple[str, ...] = ()
    seen_scores: NDArray[np.float32] | None = None
    asked: tuple[str, ...] = ()
    temperature: float = 1.0
    page: int = 1
    pages: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        height, width = self.label_map.shape
        found = ", ".join(f"{name} {share:.1%}" for name, share in self.shares.items())
        return f"Segmentation({self.source or 'image'}, {width}x{height}: {found or 'void'})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Segmentation):
            return NotImplemented
        ours, theirs = ((one.image, one.label_map, one.scores) for one in (self, other))
        return self.classes == other.classes and all(
            (a is None) == (b is None) and (a is None or b is None or np.array_equal(a, b))
            for a, b in zip(ours, theirs, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def mask(self, name: str) -> NDArray[np.bool_]:
        """(H, W) bool: the pixels of the class `name`. Raises FullconvError for an unknown name."""
        return self.label_map == self.classes.index(name)

    @property
    def wanted(self) -> list[str]:
        """The requested classes, or else those present, largest first, without a first class named background."""
        return list(self.asked) or self._objects

    @property
    def any_scores(self) -> NDArray[np.float32] | None:
        """The scores at the size the network saw, or at the image's own size, whichever were kept."""
        return self.scores if self.seen_scores is None else self.seen_scores

    def wants(self, index: int) -> bool:
        """Whether class `index` was requested; true for every class if none was named."""
        return not self.asked or self.classes.names[index] in self.asked

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(H, W), 0–1: the probability of each pixel's class. Needs `predict(…, soft=True)` or `scores=True`,
        and raises FullconvError otherwise. If the training of the model had a val split, it is calibrated: of pixels
        with 0.8, about four in five are correct."""
        from fullconv.softness import confidence

        if self.any_scores is None:
            raise FullconvError("confidence: scores were not kept by this prediction; predict with soft=True")
        return confidence(self.any_scores, (self.label_map.shape[0], self.label_map.shape[1]), self.temperature)

    @cached_property
    def sureness(self) -> dict[str, float]:
        """{class: mean confidence of its pixels, 0–1} for the classes present, largest first."""
        return {name: float(self.confidence[self.mask(name)].mean()) for name in self.shares}

    def cutout(self, name: str, *others: str) -> NDArray[np.uint8]:
        """(H, W, 4) RGBA: the photo with everything except these classes transparent. With `predict(…, soft=True)`, the
        edge follows the scores; otherwise it is evenly soft. Raises FullconvError for an unknown name."""
        from fullconv.outputs.cutout import cut_out

        return np.array(cut_out(self, [name, *others]))

    def to_list(self) -> list[dict[str, Any]]:
        """A dictionary for each class present, in the format of transformers' pipelines: `label`, `score` (the mean
        confidence, or None if no scores were kept) and `mask`, a PIL image of 0 and 255."""
        found = []
        for name in self.asked or self.shares:
            mask = self.mask(name)
            score = None if self.any_scores is None or not mask.any() else float(self.confidence[mask].mean())
            picture = Image.fromarray(mask.view(np.uint8) * np.uint8(255))
            found.append({"label": name, "score": score, "mask": picture})
        return found

    def to_df(self) -> Any:
        """A pandas DataFrame (extra `pandas`) with a row for each class present: class, index, pixels, share of the
        picture, regions, and area_m2 (square metres on the ground, if the picture's position is known)."""
        from fullconv.outputs.class_table import as_frame, rows_of
        from fullconv.outputs.mosaic import frame_of

        return as_frame(rows_of(frame_of(self), self.label_map.__getitem__))

    def _repr_png_(self) -> bytes:
        """What notebooks show: the overlay with its legend, at most 1024 pixels per side."""
        shown, encoded = self.overlay_picture(legend=True), BytesIO()
        shown.thumbnail((1024, 1024))
        shown.save(encoded, "PNG")
        return encoded.getvalue()

    @cached_property
    def shares(self) -> dict[str, float]:
        """{class: share of the pixels, 0–1} for the classes present, largest first."""
        # Pillow counts bytes directly; NumPy would first convert each to eight bytes.
        return shares_of(np.array(Image.fromarray(self.label_map).histogram()), self.classes)

    @property
    def _objects(self) -> list[str]:
        """The classes present, largest first, without a first class named background."""
        return [name for name in self.shares if not (self.classes.has_background and name == "background")]

    def overlay(self, opacity: float = 0.5, outlined: bool = True) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: the image with each class in a bright colour and outlined. A first class named
        background is left as it is."""
        return np.array(self.overlay_picture(opacity, outlined))

    def overlay_picture(self, opacity: float = 0.5, outlined: bool = True, legend: bool = False) -> Image.Image:
        """The overlay as a PIL image, optionally with a `legend` of the classes present, if there is room."""
        named = self._objects if legend else ()
        return painted(self.image, self.label_map, self.classes, opacity, outlined, named)

    def label_picture(self) -> Image.Image:
        """The label map as a PIL image in palette mode: class indices as pixels, colours in the palette."""
        picture = Image.fromarray(self.label_map, "P")
        picture.putpalette(self.classes.palette().tobytes())
        return picture

    def save(
        self,
        folder: str | Path,
        stem: str | None = None,
        outputs: Sequence[str] = DEFAULT_OUTPUTS,
        overwrite: bool = False,
    ) -> list[Path]:
        """Writes `stem`_labels.png etc. to `folder` (GeoTIFFs if the image is georeferenced); returns their paths.

        Without `stem`, names start with the name of the image's file. Raises FullconvError if a file is in the way that
        fullconv did not write, according to predictions.jsonl in the folder, unless `overwrite` is set.
        """
        from fullconv.outputs.writers import save_noted

        return save_noted(self, folder, stem, outputs, overwrite)


def shares_of(counts: NDArray[np.int64], classes: Classes) -> dict[str, float]:
    """{class: share of the pixels, 0–1} from the number of pixels of each value, (256,)."""
    present = sorted(np.flatnonzero(counts[: len(classes.names)]), key=lambda i: -counts[i])
    return {classes.names[i]: float(counts[i]) / int(counts.sum()) for i in present}
