"""Writes .caffemodel files, byte by byte, and says which of their bytes are numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FLOATS = {"float": (5, "<f4", 5), "double": (8, "<f8", 1)}  # BlobProto's field, dtype, wire type when not packed


@dataclass(frozen=True)
class Style:
    """The ways in which versions of Caffe wrote the same parameters."""

    version: str = "V2"  # LayerParameter; V1: V1LayerParameter; V0: V0LayerParameter inside it
    packed: bool = True
    numbers: str = "float"
    legacy_shape: bool = False  # num, channels, height, width
    diff: bool = False  # gradients beside the numbers, as training snapshots have


STYLES = {
    "V2": Style(),
    "V2 unpacked": Style(packed=False),
    "V2 double": Style(numbers="double"),
    "V2 double unpacked": Style(numbers="double", packed=False, diff=True),
    "V1": Style("V1", legacy_shape=True, diff=True),
    "V1 unpacked": Style("V1", packed=False, legacy_shape=True),
    "V0": Style("V0", legacy_shape=True),
}
State = Mapping[str, Iterable[np.ndarray]]  # layer → its blobs


def write_caffemodel(path: Path, layers: State, style: Style = STYLES["V2"]) -> Path:
    """A caffemodel with `layers` in order; one layer at a time is in memory. A layer may have no blobs."""
    with path.open("wb") as file:
        file.write(field(1, b"net"))
        for name, blobs in layers.items():
            for part in layer(name, list(blobs), style):
                file.write(part)
    return path


def skeleton_of(path: Path, layers: State) -> list[int]:
    """The positions of all bytes of a file (style "V2") that are no numbers."""
    content, start, numbers = path.read_bytes(), 0, set()
    for blobs in layers.values():
        for blob in blobs:
            data = blob.astype("<f4").tobytes()
            start = content.index(data, start)
            numbers |= set(range(start, start + len(data)))
            start += len(data)
    return [i for i in range(len(content)) if i not in numbers]


def layer(name: str, blobs: list[np.ndarray], style: Style) -> list[bytes]:
    parts = [part for blob in blobs for part in blob_field(BLOBS[style.version], blob, style)]
    if style.version == "V2":
        return whole(100, [field(1, name.encode()), field(2, b"Any"), *parts])
    if style.version == "V1":
        return whole(2, [field(4, name.encode()), number(5, 4), *parts])
    return whole(2, whole(1, [field(1, name.encode()), field(2, b"any"), *parts]))


BLOBS = {"V2": 7, "V1": 6, "V0": 50}


def blob_field(field_number: int, blob: np.ndarray, style: Style) -> list[bytes]:
    at, dtype, wire = FLOATS[style.numbers]
    parts = [shape_fields(blob.shape, style.legacy_shape)]
    for i in range(1 + style.diff):
        values = np.ascontiguousarray(blob, dtype) if i == 0 else np.ones(blob.shape, dtype)
        if style.packed:
            parts += [varint(at + i << 3 | 2), varint(values.nbytes), memoryview(values).cast("B")]
        else:
            parts.append(unpacked(values, at + i << 3 | wire))
    return whole(field_number, parts)


def unpacked(values: np.ndarray, key: int) -> bytes:
    rows = np.empty(values.size, np.dtype([("key", "u1"), ("value", values.dtype)]))
    rows["key"], rows["value"] = key, values.ravel()
    return rows.tobytes()


def shape_fields(shape: tuple[int, ...], legacy: bool) -> bytes:
    if not legacy:
        return field(7, field(1, b"".join(map(varint, shape))))
    four = (1,) * (4 - len(shape)) + tuple(shape)
    return b"".join(number(i, n) for i, n in enumerate(four, 1))


def whole(field_number: int, parts: list[bytes]) -> list[bytes]:
    """A field that holds `parts`, not yet joined: they may be hundreds of megabytes."""
    return [varint(field_number << 3 | 2) + varint(sum(len(part) for part in parts)), *parts]


def field(field_number: int, content: bytes) -> bytes:
    return varint(field_number << 3 | 2) + varint(len(content)) + content


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + struct.pack("B", value)
