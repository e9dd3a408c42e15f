"""Reads the parameters of a .caffemodel without Caffe and without protobuf, in bounded memory.

Field numbers are those of caffe.proto (github.com/BVLC/caffe, src/caffe/proto). A first pass reads names, shapes and
the positions of the numbers; a Blob reads its numbers on demand. A damaged structure (names, lengths, shapes) is an
error that says where. The format has no checksum, so a flipped bit inside a number goes unnoticed unless the number
becomes infinite or NaN: compare the checksum of the file with that of its publisher.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError
from fullconv.weights.protobuf import BYTES, FIXED32, FIXED64, VARINT, Damaged, Field, Message

_NET_LAYERS = {2: "V1", 100: "V2"}  # NetParameter.layers, .layer
# (number of the name, number of the blobs) in LayerParameter, V1LayerParameter and V0LayerParameter.
_LAYER_FIELDS = {"V2": (1, 7), "V1": (4, 6), "V0": (1, 50)}
_V0_INSIDE_V1 = 1
_LEGACY_SHAPE = (1, 2, 3, 4)  # BlobProto.num, channels, height, width
_SHAPE, _SHAPE_DIM = 7, 1
_NUMBERS = {5: (FIXED32, "<f4"), 8: (FIXED64, "<f8")}  # BlobProto.data, double_data; diffs (6, 9) are skipped
_MOST_AXES, _MOST_SPANS, _LONGEST_NAME = 32, 64, 1024
_PIECE = 1 << 20  # numbers read at a time


@dataclass(frozen=True)
class Span:
    """`count` numbers of `dtype` in a file, the first at byte `start`, one every `step` bytes."""

    start: int
    count: int
    step: int
    dtype: str

    def pieces(self, path: Path) -> Iterator[NDArray[np.float32]]:
        """Yields the numbers as float32, in pieces."""
        size = np.dtype(self.dtype).itemsize
        with path.open("rb") as file:
            for first in range(0, self.count, _PIECE):
                count = min(_PIECE, self.count - first)
                file.seek(self.start + first * self.step)
                raw = np.fromfile(file, np.uint8, (count - 1) * self.step + size)
                with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, which Blob refuses
                    yield np.ascontiguousarray(np.ndarray(count, self.dtype, raw, strides=(self.step,)), np.float32)


@dataclass(frozen=True)
class Blob:
    """One array of a layer, read on demand."""

    path: Path
    layer: str
    shape: tuple[int, ...]
    spans: tuple[Span, ...]

    def pieces(self) -> Iterator[NDArray[np.float32]]:
        """Yields all numbers in order, flat, at most 4 MB at a time. Raises FullconvError if one is infinite or NaN."""
        for span in self.spans:
            for piece in span.pieces(self.path):
                if not np.isfinite(piece).all():
                    bad = piece[~np.isfinite(piece)][0]
                    raise _error(self.path, f"layer {self.layer!r}: expected finite numbers, found {bad}")
                yield piece


def read_caffe(path: Path) -> dict[str, Blob]:
    """{"conv1_1.weight": Blob, "conv1_1.bias": Blob, …} of the layers with parameters, named as in the file.

    Raises FullconvError, in one line with file, layer, expected and found, if the file is not a complete caffemodel.
    """
    if not path.is_file():
        raise FullconvError(f"{path}: no such file; give a .caffemodel")
    try:
        with path.open("rb") as file:
            layers = list(_layers(Message(file, 0, path.stat().st_size)))
            state = {name: blob for layer, blobs in layers for name, blob in _named(path, layer, blobs)}
    except (Damaged, OSError) as error:
        raise _error(path, str(error)) from None
    if len(state) < sum(len(blobs) for _, blobs in layers):
        names = [layer for layer, blobs in layers if blobs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _error(path, f"layer {twice!r}: expected once, found {names.count(twice)} times")
    if not state:
        raise _error(path, "expected layers with parameters, found none")
    return state


def _layers(net: Message) -> Iterator[tuple[str, list[Message]]]:
    """Yields (name, messages of its blobs) for each layer."""
    for field in net:
        if field.number in _NET_LAYERS:
            yield _layer(net.inside(_of_wire(field, BYTES)), _NET_LAYERS[field.number])


def _layer(layer: Message, version: str) -> tuple[str, list[Message]]:
    name_number, blobs_number = _LAYER_FIELDS[version]
    name, blobs = "", []
    try:
        for field in layer:
            if field.number == name_number:
                name = layer.text(_of_wire(field, BYTES), _LONGEST_NAME)
            elif field.number == blobs_number:
                blobs.append(layer.inside(_of_wire(field, BYTES)))
            elif version == "V1" and field.number == _V0_INSIDE_V1:
                return _layer(layer.inside(_of_wire(field, BYTES)), "V0")
    except Damaged as error:
        raise Damaged(f"layer {name!r}: {error}") from None
    return name, blobs


def _named(path: Path, layer: str, blobs: list[Message]) -> Iterator[tuple[str, Blob]]:
    """Yields ("conv1_1.weight", Blob) and so on. From the third on, blobs are named by their index."""
    for i, message in enumerate(blobs):
        try:
            shape, spans = _blob(message)
        except Damaged as error:
            raise Damaged(f"layer {layer!r}, blob {i}: {error}") from None
        yield f"{layer}.{('weight', 'bias')[i] if i < 2 else i}", Blob(path, layer, shape, spans)


def _blob(blob: Message) -> tuple[tuple[int, ...], tuple[Span, ...]]:
    """Returns (shape, positions of the numbers). Raises Damaged if their count does not match the shape."""
    legacy: dict[int, int] = {}
    shapes, spans = [], []
    for field in blob:
        if field.number in _LEGACY_SHAPE:
            legacy[field.number] = _of_wire(field, VARINT).varint
        elif field.number == _SHAPE:
            shapes.append(_dims(blob.inside(_of_wire(field, BYTES))))
        elif field.number in _NUMBERS:
            spans.append(_span(field))
    if legacy:
        shapes.append(tuple(legacy.get(number, 0) for number in _LEGACY_SHAPE))
    if len(shapes) != 1 or len(spans) > _MOST_SPANS:
        raise Damaged(f"expected one shape and one row of numbers, found {len(shapes)} and {len(spans)}")
    count = sum(span.count for span in spans)
    if count != math.prod(shapes[0]):
        raise Damaged(f"expected {_times(shapes[0])} = {math.prod(shapes[0])} numbers, found {count}")
    return shapes[0], tuple(spans)


def _dims(shape: Message) -> tuple[int, ...]:
    """BlobShape.dim, packed or not."""
    dims: list[int] = []
    for field in shape:
        if field.number == _SHAPE_DIM:
            dims += [field.varint] if field.wire == VARINT else shape.varints(_of_wire(field, BYTES), _MOST_AXES)
    if not 1 <= len(dims) <= _MOST_AXES:
        raise Damaged(f"expected a shape of 1 to {_MOST_AXES} axes, found {len(dims)}")
    return tuple(dims)


def _span(field: Field) -> Span:
    wire, dtype = _NUMBERS[field.number]
    if field.wire == wire:
        return Span(field.start, field.count, field.step, dtype)
    size, item = _of_wire(field, BYTES).end - field.start, np.dtype(dtype).itemsize
    if size % item:
        raise Damaged(f"byte {field.start}: expected numbers of {item} bytes each, found {size} bytes")
    return Span(field.start, size // item, item, dtype)


def _of_wire(field: Field, wire: int) -> Field:
    if field.wire != wire:
        raise Damaged(f"byte {field.start}: expected wire type {wire} for field {field.number}, found {field.wire}")
    return field


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _error(path: Path, what: str) -> FullconvError:
    return FullconvError(f"{path}: {what}; the file is damaged or not a caffemodel; download it again")
