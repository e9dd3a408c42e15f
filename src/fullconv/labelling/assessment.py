"""Assesses pictures with a model: how unsure the model is, and features to compare pictures by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.data.dataset import UnlabelledPicture
from fullconv.data.doctor.facts import thumbnail_of
from fullconv.errors import FullconvError
from fullconv.prediction.many import predict_many
from fullconv.prediction.memory import bytes_of, for_pictures
from fullconv.prediction.predictor import Model
from fullconv.prediction.resizing import Scores
from fullconv.softness import probabilities
from fullconv.view import Picture, rgb_of

CELLS = 4  # a picture is divided into this many rows and columns to be compared

OnError = Callable[[FullconvError], object]


@dataclass(frozen=True)
class Assessment:
    """`doubt`: how unsure the model is, 0 to 1. `features` (cells x (classes + 3),): the mean probability of each class
    and the mean colour in each cell. `thumbnail`: used to recognise pictures that look the same."""

    picture: UnlabelledPicture
    doubt: float
    features: NDArray[np.float32]
    thumbnail: bytes


def assess_all(model: Model, pictures: Sequence[UnlabelledPicture], on_error: OnError) -> Iterator[Assessment]:
    """Yields an assessment of each picture, in order. A picture that cannot be read is left out, and its error is
    passed to `on_error`."""

    def weigh(picture: UnlabelledPicture) -> int:
        return bytes_of(picture.image_path, len(model.classes), soft=True)

    yield from predict_many(
        lambda one: assess(model, one), pictures, lambda _, error: on_error(error), weigh, for_pictures()
    )


def assess(model: Model, picture: UnlabelledPicture) -> Assessment:
    """Runs the model on a picture. Raises FullconvError if the picture cannot be read."""
    seen, _ = picture.see(model.view)
    _, scores = model.label(seen.image, scores=True, keeps_scale=seen.keeps_scale, as_seen=True)
    assert scores is not None  # they were asked for
    chances = probabilities(scores)
    colours = rgb_of(seen.image).transpose(2, 0, 1) / np.float32(255)
    features = np.concatenate([cells(plane) for plane in (*chances, *colours)])
    return Assessment(picture, doubt(chances), features, thumbnail_of(Picture(seen.image)))


def doubt(chances: Scores) -> float:
    """Returns the mean over all pixels of 1 - (p1 - p2), where p1 and p2 are the two highest of the probabilities
    (C, H, W). This is margin sampling (Scheffer, Decomain and Wrobel 2001). 0 for a model with one class."""
    if len(chances) < 2:
        return 0.0
    second, first = np.partition(chances, -2, axis=0)[-2:]
    return float((1 - (first - second)).mean())


def cells(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) → (CELLS²,): the mean of each cell."""
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize((CELLS, CELLS), Image.Resampling.BOX), np.float32).ravel()
