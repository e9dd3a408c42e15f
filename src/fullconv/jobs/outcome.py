"""The outcome of a picture or a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

TableRow = dict[str, Any]  # column → value
Stamp = tuple[int, int]  # bytes of a file, and when it was modified (nanoseconds)


@dataclass(frozen=True)
class Outcome:
    """The result of one picture or video in numbers, or the error. `shares` maps each class to its share of the
    pixels."""

    source: Path | str  # a str is an address on the web or in an object store
    width: int = 0
    height: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0  # without compiling the network
    outputs: tuple[Path | str, ...] = ()
    stamp: Stamp | None = None  # of the source, before it was read
    error: str | None = None
    damaged: bool = False  # the content of the file caused the error, so it will occur again until the file changes
    frames: int = 0  # of a video
    reduced_to: int | None = None  # pixels of the longer side, if the picture was reduced for the model
    rows: tuple[TableRow, ...] = ()  # for the run's table, if one is wanted
    notes: tuple[str, ...] = ()  # remarks for the user, such as decisions that were made automatically

    def to_json(self) -> dict[str, Any]:
        """Returns the entry in the manifest and in --json. An outcome with an error has only the file and the error."""
        if self.error:
            return {"file": str(self.source), "error": self.error}
        size = {"width": self.width, "height": self.height} | ({"frames": self.frames} if self.frames else {})
        size |= {"reduced_to": self.reduced_to} if self.reduced_to else {}
        written = [str(path) for path in self.outputs]
        notes = {"notes": list(self.notes)} if self.notes else {}
        table = {"table": list(self.rows)} if self.rows else {}
        return {"file": str(self.source), **size, "classes": self.shares, "seconds": round(self.seconds, 4),
                "outputs": written, **table, **notes}  # fmt: skip


def merge_pages(pages: Sequence[Outcome]) -> Outcome:
    """Merges the outcomes of the pages of a file. Width and height are those of the first page."""
    pixels = [one.width * one.height for one in pages]
    names = dict.fromkeys(name for one in pages for name in one.shares)
    shares = {name: sum(one.shares.get(name, 0) * n for one, n in zip(pages, pixels, strict=True)) / sum(pixels)
              for name in names}  # fmt: skip
    written = tuple(path for one in pages for path in one.outputs)
    said = dict.fromkeys(note for one in pages for note in one.notes if not note.startswith("page "))
    smaller = next((one.reduced_to for one in pages if one.reduced_to), None)
    notes = (f"{len(pages)} pages", *said)
    rows = tuple({"page": number, **row} for number, one in enumerate(pages, 1) for row in one.rows)
    return replace(pages[0], shares=shares, outputs=written, reduced_to=smaller, rows=rows, notes=notes)


def stamp(source: Path) -> Stamp | None:
    """Returns size and time of modification, which show whether a file was replaced. None if there is no file."""
    try:
        stat = source.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
