"""How straight the way from a photo to its mask is: the files it crosses, and the moves between them.

usage: python benchmarks/straight_line.py [--list]

A move is a call from a function in one file of src/fullconv into another, in any thread, while `fullconv predict PHOTO`
runs; imports are left out. --list prints every one in order.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import fullconv

PACKAGE = str(Path(fullconv.__file__).parent)
EXAMPLE = Path(__file__).parent.parent / "examples" / "chelsea.jpg"
FIRST = 8  # instructions of a generator that come before its body
Move = tuple[str, str, str]  # from a file, into a file, the function called


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        moves = moves_of([str(EXAMPLE), "--out", folder])
    if options.list:
        for move in moves:
            print("{:<32}→ {:<32}{}".format(*move))
    print(f"{len(files_of(moves))} files, {len(moves)} moves")


def moves_of(arguments: list[str]) -> list[Move]:
    """The moves of `fullconv predict` with these arguments, run twice: first for imports and compiled networks."""
    from fullconv.commands.predict import predict

    moves: list[Move] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        caller = frame.f_back
        if event != "call" or caller is None:
            return
        into, here = name_of(frame), name_of(caller)
        if into and here and into != here and frame.f_code.co_name != "<module>" and is_new(frame):
            moves.append((here, into, frame.f_code.co_qualname))

    predict.main([*arguments, "--overwrite"], standalone_mode=False)
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        predict.main([*arguments, "--overwrite"], standalone_mode=False)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return moves


def is_new(frame: FrameType) -> bool:
    """Whether a function is entered, not a generator resumed: that has run some of its instructions."""
    generates = bool(frame.f_code.co_flags & inspect.CO_GENERATOR)
    return not generates or frame.f_lasti < FIRST


def name_of(frame: FrameType) -> str:
    """The file below src/fullconv, "" for any other."""
    path = frame.f_code.co_filename
    return path[len(PACKAGE) + 1 :] if path.startswith(PACKAGE) else ""


def files_of(moves: list[Move]) -> list[str]:
    return sorted({name for move in moves for name in move[:2]})


if __name__ == "__main__":
    main()
