"""MATLAB files → arrays, through scipy (the extra `data`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.data.masks import LabelMap, byte_values
from fullconv.errors import FullconvError, missing_extra


def read_mat(path: Path, keys: Sequence[str]) -> NDArray[Any]:
    """The array under `keys`: a variable's name, then the fields of 1x1 structs within it."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise missing_extra("scipy", "data") from None
    if not path.is_file():
        raise FullconvError(f"{path}: no such mask")
    try:
        values: Any = loadmat(path, variable_names=keys[:1])[keys[0]]
        for field in keys[1:]:
            values = values[field][0, 0]
    except (KeyError, ValueError, IndexError):
        raise FullconvError(f"{path}: no {'.'.join(keys)} in it; is this the release that its folder says?") from None
    except Exception as error:  # scipy raises many kinds for damaged files
        reason = " ".join(str(error).split())
        raise FullconvError(f"{path}: damaged .mat file ({reason}); copy it again from its source") from None
    return np.asarray(values)


def read_mat_mask(path: Path, keys: Sequence[str]) -> LabelMap:
    """HxW uint8: the array under `keys`, where -1 (some releases' void) becomes 255."""
    values = read_mat(path, keys)
    return byte_values(np.where(values == -1, 255, values), path)
