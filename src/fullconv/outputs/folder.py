"""Refuses a file, or the name of one, where results need a folder."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from fullconv.errors import FullconvError, UnknownValue, argument
from fullconv.images import EXTENSIONS


def refuse_file(
    folder: Path, name: str = "out", endings: Container[str] = EXTENSIONS, one_file: str | None = None
) -> None:
    """Raises FullconvError if `folder`, given as the argument `name`, is a file, or UnknownValue if it does not exist
    and its name ends as a file's does.

    `endings`: such ends, in lower case. `one_file`: how to get one file instead, if that is possible.
    """
    if folder.is_dir() or not (folder.exists() or folder.suffix.lower() in endings):
        return
    kind, what = (FullconvError, "is a file") if folder.exists() else (UnknownValue, "looks like the name of a file")
    way_out = f"give a folder, such as {argument(name, _without_ending(folder))}" + (
        f"; {one_file}" if one_file else ""
    )
    raise kind(f"{argument(name, str(folder))}: {what}, and results go to a folder; {way_out}")


def _without_ending(path: Path) -> str:
    plain = path.with_suffix("")
    return str(path.with_name("results") if plain.is_file() else plain)
