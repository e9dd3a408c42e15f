"""Reads MATLAB files as arrays, through scipy (extra `data`)."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.data.masks import LabelMap, byte_values
from fullconv.errors import FullconvError, missing_extra

HEADER = 128  # bytes before the first variable of a .mat file of version 5
COMPRESSED = 15  # the type of a variable that is compressed by zlib
MOST = 2**27  # bytes: 16 megapixels of doubles, which the masks of some releases are


def read_mat(path: Path, keys: Sequence[str]) -> NDArray[Any]:
    """Returns the array under `keys`: the name of a variable, then the fields of 1x1 structs in it."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise missing_extra("scipy", "data") from None
    if not path.is_file():
        raise FullconvError(f"{path}: no such mask")
    _refuse_bomb(path)
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
    return np.asarray(values)


def _refuse_bomb(path: Path) -> None:
    """Raises FullconvError if a few compressed bytes would expand to more than a mask can hold."""
    with path.open("rb") as file:
        order = ">" if file.read(HEADER).endswith(b"MI") else "<"
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            if kind == COMPRESSED and _unpacked(file.read(min(length, MOST))) > MOST:
                raise FullconvError(
                    f"{path}: unpacks to more than {MOST >> 20} MiB and cannot be a mask; copy it again"
                )
            if kind != COMPRESSED:
                file.seek(length, os.SEEK_CUR)


def _unpacked(packed: bytes) -> int:
    """Returns the number of bytes after decompression, up to MOST; they are not kept. The reader reports damage."""
    stream, total, rest = zlib.decompressobj(), 0, packed
    with suppress(zlib.error):
        while rest and total <= MOST:
            total += len(stream.decompress(rest, 2**20))
            rest = stream.unconsumed_tail
    return total


def read_mat_mask(path: Path, keys: Sequence[str]) -> LabelMap:
    """HxW uint8: the array under `keys`, where -1 (some releases' void) becomes 255."""
    values = read_mat(path, keys)
    return byte_values(np.where(values == -1, 255, values), path)
