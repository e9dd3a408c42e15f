"""What a writer returns: the files that it will write, once it is known that they replace no one else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Fill = Callable[[Path], object]  # writes a file to the path that it is given
Files = dict[str, Fill]  # by the end of their names, after the target: {"_labels.png": …}


def text(content: Callable[[], str]) -> Fill:
    """Returns a writer of a text file. The content is computed when the file is written."""
    return lambda hidden: hidden.write_text(content(), encoding="utf-8")


def beside(target: Path, ending: str) -> Path:
    """photos/dog, "_labels.png" → photos/dog_labels.png"""
    return target.with_name(target.name + ending)
