"""Reads MATLAB files as arrays, through scipy (extra `data`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import LabelMap
from fullconv.data.masks import byte_values
from fullconv.data.mat_structure import refuse_wrong_structure
from fullconv.errors import FullconvError, missing_extra


def read_mat(path: Path, keys: Sequence[str]) -> NDArray[Any]:
    """Returns the array of numbers under `keys`: the name of a variable, then the fields of 1x1 structs in it."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise missing_extra("scipy", "data") from None
    if not path.is_file():
        raise FullconvError(f"{path}: no such mask")
    _check_structure(path, keys[0])
    try:
        values: Any = loadmat(path, variable_names=keys[:1])[keys[0]]
        for field in keys[1:]:
            values = values[field][0, 0]
    except (KeyError, ValueError, IndexError):
        raise FullconvError(
            f"{path}: no {'.'.join(keys)} in it; check that this is the release that its folder name says"
        ) from None
    except Exception as error:  # scipy raises many types for damaged files
        reason = " ".join(str(error).split())
        raise FullconvError(f"{path}: damaged .mat file ({reason}); copy it again from its source") from None
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise FullconvError(f"{path}: {'.'.join(keys)} is no array of numbers; a mask has a number for each pixel")
    return array


def _check_structure(path: Path, name: str) -> None:
    try:
        refuse_wrong_structure(path, name)
    except ValueError as error:
        raise FullconvError(f"{path}: damaged .mat file ({error}); copy it again from its source") from None


def read_mat_mask(path: Path, keys: Sequence[str]) -> LabelMap:
    """HxW uint8: the array under `keys`, where -1 (some releases' void) becomes 255."""
    values = read_mat(path, keys)
    return byte_values(np.where(values == -1, 255, values), path)
