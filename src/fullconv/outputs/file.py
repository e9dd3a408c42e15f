"""What a writer hands over: which files it makes, to be filled once it is known that nobody's are in their way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Fill = Callable[[Path], object]  # writes a file to the path that it is given
Files = dict[str, Fill]  # by what their names end in after the target's: {"_labels.png": …}


def text(content: Callable[[], str]) -> Fill:
    """A text file; the content is made when the file is written."""
    return lambda hidden: hidden.write_text(content(), encoding="utf-8")


def beside(target: Path, ending: str) -> Path:
    """photos/dog, "_labels.png" → photos/dog_labels.png"""
    return target.with_name(target.name + ending)
