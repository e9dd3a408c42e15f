"""A folder of a teacher's scores: one small file per picture of a run, read at the place of each crop.

    teacher.json   {"format": 1, "name": text, "classes": [names], "align_corners": true or false, "model": digest}
    KEY.npz        KEY: the first 32 hexadecimal digits of the SHA-256 of the picture's file
        scores     (classes, h, w) float16, before the softmax, of the whole picture at any stride
        size       (height, width) of the picture

`align_corners`: whether the first and last scores lie on the centres of the first and last pixels, or the scores divide
the picture evenly. `model`: which model made the scores; without it, they may come from any source.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullconv.classes import Classes
from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.errors import FullconvError
from fullconv.files import whole, write_json
from fullconv.training.digests import sha256_of
from fullconv.words import counted

INDEX, FORMAT, KEY = "teacher.json", 1, 32
SHOWN = 0.01  # share of the pixels above which a teacher sees a class in a picture


@dataclass(frozen=True)
class Teacher:
    """The scores in a folder. `targets[i]`: the model's index of the teacher's class i, or -1; `keys`: {picture: the
    name of its scores}."""

    folder: Path
    names: tuple[str, ...]
    align_corners: bool
    targets: tuple[int, ...]
    keys: Mapping[Path, str]

    @property
    def known(self) -> list[int]:
        """The model's classes that the teacher knows."""
        return sorted({target for target in self.targets if target >= 0})

    def scores(self, picture: Sample | UnlabelledPicture) -> Tensor:
        """(classes of the teacher, h, w) float32. If a whole picture is known to show certain classes, they get the
        probability of all classes that it may be taken for."""
        found = read_scores(self.folder, self.keys[picture.image_path], len(self.names))
        scores = torch.from_numpy(found.astype(np.float32))
        if isinstance(picture, Sample) or not set(picture.shows) <= set(self.names):
            return scores
        shows, among = (
            [self.names.index(n) for n in names if n in self.names] for names in (picture.shows, picture.among)
        )
        return share_probability(scores, shows, among) if shows else scores

    def presence(self, picture: Sample | UnlabelledPicture, num_classes: int) -> NDArray[np.bool_]:
        """(classes,): the model's classes that the teacher sees in a picture."""
        best = self.scores(picture).argmax(0).numpy()
        shares = np.bincount(best.ravel(), minlength=len(self.names)) / best.size
        found = np.zeros(num_classes + 1, bool)  # the last one collects -1
        found[np.array(self.targets)[shares > SHOWN]] = True
        return found[:-1]


def is_scores(folder: Path) -> bool:
    """Whether a teacher is given as scores rather than as a model."""
    return (folder / INDEX).is_file()


def open_teacher(
    folder: Path, classes: Classes, mapping: Mapping[str, str], pictures: Iterable[Sample | UnlabelledPicture]
) -> Teacher:
    """Opens a folder of scores. Raises FullconvError if scores of a picture are missing, or it has no class of the
    model."""
    index = read_index(folder)
    names = tuple(index["classes"])
    targets = tuple(_target(name, classes, mapping) for name in names)
    if len({target for target in targets if target >= 0}) < 2:
        raise FullconvError(
            f"{folder}: the teacher's classes ({', '.join(names)}) and the model's ({', '.join(classes.names)}) "
            "have fewer than two in common; map equivalent classes in `label_mapping`"
        )
    keys = keys_of(pictures)
    missing = [path for path, key in keys.items() if not (folder / f"{key}.npz").is_file()]
    if missing:
        raise FullconvError(
            f"{folder}: no scores for {len(missing)} of {counted(len(keys), 'picture')}, the first is {missing[0]}; "
            "add their scores, or give the model itself as --teacher"
        )
    for key in list(keys.values())[:1]:  # whoever writes one in a wrong shape does so with all
        read_scores(folder, key, len(names))
    return Teacher(folder, names, index["align_corners"], targets, keys)


def keys_of(pictures: Iterable[Sample | UnlabelledPicture]) -> dict[Path, str]:
    paths = list(dict.fromkeys(picture.image_path for picture in pictures))
    with ThreadPoolExecutor() as threads:
        return dict(zip(paths, (digest[:KEY] for digest in threads.map(sha256_of, paths)), strict=True))


def read_scores(folder: Path, key: str, classes: int) -> NDArray[np.float16]:
    """(classes, h, w)"""
    path = folder / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            scores: NDArray[np.float16] = arrays["scores"]
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FullconvError(f"{path}: not a file of teacher scores ({error}); remove it and start again") from None
    if scores.ndim != 3 or len(scores) != classes or not scores.size or scores.dtype.kind != "f":
        found = f"{scores.dtype} of shape {scores.shape}"
        raise FullconvError(
            f"{path}: its scores are {found}; give float16 of shape (classes, h, w), for the {classes} of {INDEX}"
        )
    if not np.isfinite(scores).all():
        raise FullconvError(f"{path}: its scores are not all finite; give numbers between -65504 and 65504")
    return scores


def write_scores(folder: Path, key: str, scores: NDArray[np.float16], size: tuple[int, int]) -> None:
    with whole(folder / f"{key}.npz") as hidden:
        np.savez_compressed(hidden, scores=scores, size=np.array(size, np.int32))


def write_index(folder: Path, name: str, classes: Sequence[str], align_corners: bool, model: str | None = None) -> None:
    values = {"format": FORMAT, "name": name, "classes": list(classes), "align_corners": align_corners}
    write_json(folder / INDEX, values | ({"model": model} if model else {}))


def share_probability(scores: Tensor, shows: Sequence[int], among: Sequence[int]) -> Tensor:
    """Returns scores (C, h, w) in which the classes `shows` share the probability of all of `among`, in proportion."""
    gain = scores[list(among)].logsumexp(0) - scores[list(shows)].logsumexp(0)
    result = scores.clone()
    result[list(among)] = scores.min() - 30.0  # e^-30 is practically zero
    result[list(shows)] = scores[list(shows)] + gain
    return result


def read_index(folder: Path) -> dict[str, Any]:
    """Returns the checked content of teacher.json."""
    path = folder / INDEX
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names, align_corners, number = values["classes"], values["align_corners"], values["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FullconvError(f"{path}: cannot be read ({error}); give a model or a folder of scores") from None
    are_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if number != FORMAT or not isinstance(align_corners, bool) or not are_names:
        raise FullconvError(
            f'{path}: needs "format": {FORMAT}, "classes": a list of names, and "align_corners": true or false'
        )
    return values


def _target(name: str, classes: Classes, mapping: Mapping[str, str]) -> int:
    """Finds the class by its own name, or by label_mapping."""
    target = name if name in classes.names else mapping.get(name, "")
    return classes.names.index(target) if target in classes.names else -1
