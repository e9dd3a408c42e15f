"""The wire format of protocol buffers, read by seeking: positions only, never the content of a large field.

Source: protobuf.dev/programming-guides/encoding. A message is a sequence of fields, each a key (number << 3 | wire
type) and a value. Its end is only known from the length that its parent gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 (groups) are obsolete
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_LONGEST_RUN_READ = 1 << 20  # fields read at once


class Damaged(ValueError):
    """The bytes are not a message. The error says where, and what was expected and found."""


@dataclass(frozen=True)
class Field:
    """One field, with its value at bytes `start` to `end` of the file.

    Consecutive fixed-width fields of one number (repeated numbers, not packed) are one Field: `count` values of `end -
    start` bytes each, every `step` bytes.
    """

    number: int
    wire: int
    start: int
    end: int
    varint: int = 0
    count: int = 1
    step: int = 0


class Message:
    """The bytes `start` to `end` of a file as a message. Iterating yields its fields. Raises Damaged."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self.file, self.start, self.end = file, start, end

    def __iter__(self) -> Iterator[Field]:
        at = self.start
        while at < self.end:
            field = self._field(at)
            yield field
            at = field.end + (field.count - 1) * field.step

    def inside(self, field: Field) -> Message:
        """Returns the message in a field."""
        return Message(self.file, field.start, field.end)

    def text(self, field: Field, longest: int) -> str:
        """Returns the string in a field, of at most `longest` bytes."""
        size = field.end - field.start
        if size > longest:
            raise Damaged(f"byte {field.start}: expected a name of at most {longest} bytes, found {size}")
        self.file.seek(field.start)
        text = self.file.read(size).decode(errors="replace")
        if not text.isprintable() or "\ufffd" in text:  # the replacement of bytes that are not UTF-8
            raise Damaged(f"byte {field.start}: expected a name that can be printed, found {text!r}")
        return text

    def varints(self, field: Field, most: int) -> list[int]:
        """Returns the packed varints in a field, at most `most`."""
        at = field.start
        values: list[int] = []
        while at < field.end:
            if len(values) == most:
                raise Damaged(f"byte {field.start}: expected at most {most} numbers, found more")
            value, at = self._varint(at, field.end)
            values.append(value)
        return values

    def _field(self, at: int) -> Field:
        key, start = self._varint(at, self.end)
        number, wire, value = key >> 3, key & 7, 0
        if wire == VARINT:
            value, end = self._varint(start, self.end)
        elif wire == BYTES:
            length, start = self._varint(start, self.end)
            end = start + length
        elif wire in FIXED_SIZES:
            end = start + FIXED_SIZES[wire]
        else:
            raise Damaged(f"byte {at}: expected wire type 0, 1, 2 or 5, found {wire}")
        if not number or end > self.end:
            raise Damaged(f"byte {at}: expected a field that ends by byte {self.end}, found number {number} to {end}")
        step = end - at
        count = self._run(at, step) if wire in FIXED_SIZES and start == at + 1 else 1
        return Field(number, wire, start, end, value, count, step)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Returns (value, position of the next byte). A byte has seven bits, the lowest first, 64 bits at most."""
        self.file.seek(at)
        value = 0
        for i, byte in enumerate(self.file.read(min(10, end - at))):
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value, at + i + 1
        raise Damaged(f"byte {at}: expected a number of at most 10 bytes that ends by byte {end}, found none")

    def _run(self, at: int, step: int) -> int:
        """Returns how many fields of `step` bytes, starting at `at`, share the first one's key of one byte."""
        self.file.seek(at)
        key = self.file.read(1)[0]
        most, count, look = (self.end - at) // step, 1, 16
        while count < most:
            look = min(look, most - count)
            self.file.seek(at + count * step)
            keys = np.frombuffer(self.file.read(look * step), np.uint8)[::step]
            others = np.flatnonzero(keys != key)
            if len(others):
                return count + int(others[0])
            count, look = count + look, min(2 * look, _LONGEST_RUN_READ)
        return count
