"""Checks unlabelled pictures: which can be read, and whether they are copies of pictures that a model is scored on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.data.doctor.facts import thumbnail_of
from fullconv.data.doctor.splits import twins, unpack
from fullconv.errors import FullconvError
from fullconv.processors import PROCESSORS

Unlabelled = tuple[UnlabelledPicture, ...]


def check_unlabelled(unlabelled: Unlabelled, scored: Iterable[Sample]) -> tuple[Unlabelled, dict[Path, str]]:
    """Returns (those that can be read, why the others cannot).

    Raises FullconvError if one shows the same as one of `scored`, in any size, mirrored or not.
    """
    found = thumbnails_of([*scored, *unlabelled])
    readable = [(p, t) for p, t in found if isinstance(t, bytes)]
    skipped = {p.image_path: t for p, t in found if isinstance(t, str) and isinstance(p, UnlabelledPicture)}
    refuse_copies(readable)
    return tuple(p for p, _ in readable if isinstance(p, UnlabelledPicture)), skipped


def refuse_copies(pictures: Sequence[tuple[Sample | UnlabelledPicture, bytes]]) -> None:
    copies = copies_in(pictures)
    if copies:
        new, scored = next(iter(copies.items()))
        raise FullconvError(
            f"{new} shows the same as {scored}, which the model is scored on; remove it from the unlabelled pictures "
            f"({len(copies)} in all)"
        )


def copies_in(pictures: Sequence[tuple[Sample | UnlabelledPicture, bytes]]) -> dict[Path, Path]:
    """Returns {unlabelled picture: the labelled one that shows the same}, in their order. Every labelled picture counts
    as one that a model is scored on."""
    is_new = np.array([isinstance(picture, UnlabelledPicture) for picture, _ in pictures], int)
    if not len(pictures):
        return {}
    thumbnails = unpack([thumbnail for _, thumbnail in pictures])
    mirrored = thumbnails[is_new > 0][:, :, ::-1]
    ranks = np.concatenate([is_new, np.ones(len(mirrored), int)])  # only scored pictures rank below new ones
    twin = twins(np.concatenate([thumbnails, mirrored]), ranks)
    places = np.concatenate([np.arange(len(pictures)), np.flatnonzero(is_new)])
    copies = {int(places[i]): int(twin[i]) for i in np.flatnonzero(twin >= 0)}
    return {pictures[i][0].image_path: pictures[j][0].image_path for i, j in sorted(copies.items())}


def thumbnails_of(
    pictures: Sequence[Sample | UnlabelledPicture],
) -> list[tuple[Sample | UnlabelledPicture, bytes | str]]:
    """Returns each picture with 18x16 grey values, or with the reason why it cannot be read."""
    with ThreadPoolExecutor(PROCESSORS) as threads:
        return list(zip(pictures, threads.map(_thumbnail, pictures), strict=True))


def _thumbnail(picture: Sample | UnlabelledPicture) -> bytes | str:
    try:
        return thumbnail_of(picture.read_picture())
    except FullconvError as error:
        return str(error)
