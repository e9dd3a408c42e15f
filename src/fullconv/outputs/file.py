"""What a writer hands over: files by name, to be filled once it is known that nothing of anybody's is in their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file to be: `fill` writes it to the path that it is given."""

    path: Path
    fill: Callable[[Path], object]


def text_file(path: Path, content: Callable[[], str]) -> File:
    return File(path, lambda hidden: hidden.write_text(content(), encoding="utf-8"))


def beside(target: Path, ending: str) -> Path:
    """photos/dog, "_labels.png" → photos/dog_labels.png"""
    return target.with_name(target.name + ending)
