"""Whether the elements of a MATLAB file fit each other.

scipy's reader trusts them: a number of a type that does not exist crashes the process (scipy pull request 25349). So no
file may reach it unchecked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path

HEADER = 128  # bytes before the first variable of a .mat file of version 5
MOST = 2**27  # bytes: 16 megapixels of doubles, which the masks of some releases are
DEEPEST = 16  # structs and cells in each other
UINT32, MATRIX, COMPRESSED = 6, 14, 15
INTEGERS, NUMBERS, NAMES = {5, 6}, {*range(1, 8), 9, 12, 13, 16, 17, 18}, {1, 2, 16}
CELL, STRUCT, CHARACTERS, SPARSE, NUMERIC = 1, 2, 4, 5, range(6, 16)  # classes of an array
COMPLEX = 0x800
Element = tuple[int, memoryview]  # its type and its bytes


def refuse_wrong_structure(path: Path, name: str) -> None:
    """Raises ValueError, with the reason, unless scipy can read the variable `name` of the file safely."""
    with path.open("rb") as file:
        header = file.read(HEADER)
        if b"\0" in header[:4]:
            return  # version 4, which scipy reads in Python
        order = "<" if header.endswith(b"IM") else ">"
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            content = file.read(min(length, MOST + 1))
            if kind == COMPRESSED:
                content = _unpacked(content)[8:]  # less the tag of the variable inside
            if len(content) > MOST:
                raise ValueError(f"more than {MOST >> 20} MiB, too much for a mask")
            _check_variable(memoryview(content), order, name)


def _unpacked(packed: bytes) -> bytes:
    """Returns the content, but hardly more than MOST; of a damaged stream nothing, which the reader reports."""
    with suppress(zlib.error):
        return zlib.decompressobj().decompress(packed, MOST + 9)
    return b""


def _check_variable(content: memoryview, order: str, name: str) -> None:
    """The name comes third, after flags and dimensions. scipy skips variables that are not asked for."""
    parts = _elements(content, order)
    _, _, (_, named) = _take(parts, 3)
    if bytes(named) == name.encode("latin-1", errors="replace"):
        _check_array(content, order, depth=0)


def _elements(content: memoryview, order: str) -> Iterator[Element]:
    """Each element: a tag of 8 bytes and its bytes, or a tag of 4 with up to 4 bytes. All are padded to 8 bytes."""
    at = 0
    while at < len(content):
        if len(content) - at < 8:
            raise ValueError("it ends within an element")
        kind, size = struct.unpack_from(f"{order}II", content, at)
        start = at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        if size > (4 if start == at + 4 else len(content) - start):
            raise ValueError("an element is longer than what holds it")
        yield kind, content[start : start + size]
        at += 8 if start == at + 4 else 8 + -(-size // 8) * 8


def _take(elements: Iterator[Element], count: int) -> list[Element]:
    taken = [element for _, element in zip(range(count), elements, strict=False)]
    if len(taken) < count:
        raise ValueError("an array has too few elements")
    return taken


def _check_array(content: memoryview, order: str, depth: int) -> None:
    """Flags, dimensions and a name, then what the array's class asks for, and nothing else."""
    if not content:
        return  # MATLAB's []
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} structs and cells in each other")
    elements = _elements(content, order)
    flags, dimensions, (named, _) = _take(elements, 3)
    if flags[0] != UINT32 or len(flags[1]) != 8 or dimensions[0] not in INTEGERS or named not in NAMES:
        raise ValueError("an array without flags, dimensions or name")
    word = struct.unpack_from(f"{order}I", flags[1])[0]
    count = _count(dimensions[1], order, most=len(content) if word & 0xFF != SPARSE else 2**62)
    _check_data(word, count, elements, order, depth)
    if next(elements, None):
        raise ValueError("an array has too many elements")


def _count(dimensions: memoryview, order: str, most: int) -> int:
    """Returns the number of elements of an array, each of which takes a byte at least."""
    sizes = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions[: len(dimensions) // 4 * 4])
    if min(sizes, default=-1) < 0 or prod(sizes) > most:
        raise ValueError(f"an array of the size {sizes}")
    return prod(sizes)


def _check_data(word: int, count: int, elements: Iterator[Element], order: str, depth: int) -> None:
    kind, parts = word & 0xFF, 2 if word & COMPLEX else 1
    if kind == CELL:
        _check_arrays(_take(elements, count), order, depth)
    elif kind == STRUCT:
        _check_arrays(_take(elements, count * _fields(_take(elements, 2), order)), order, depth)
    elif kind == CHARACTERS:
        _check_numbers(_take(elements, 1))
    elif kind == SPARSE:
        _check_numbers(_take(elements, 2 + parts))  # rows, starts of columns, values
    elif kind in NUMERIC:
        _check_numbers(_take(elements, parts))
    else:
        raise ValueError(f"an array of the class {kind}, which no mask is")


def _fields(names: list[Element], order: str) -> int:
    """Returns the number of fields: all names are padded to one length, which comes first."""
    (kind, length), (named, text) = names
    size = struct.unpack_from(f"{order}i", length)[0] if kind in INTEGERS and len(length) == 4 else 0
    if size < 1 or named not in NAMES:
        raise ValueError("a struct without names of fields")
    return len(text) // size


def _check_numbers(elements: list[Element]) -> None:
    if any(kind not in NUMBERS for kind, _ in elements):
        raise ValueError("numbers of a type that MATLAB does not have")


def _check_arrays(elements: list[Element], order: str, depth: int) -> None:
    for kind, content in elements:
        if kind != MATRIX:
            raise ValueError("a cell or field that is no array")
        _check_array(content, order, depth + 1)
