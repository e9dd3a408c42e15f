"""The outcome of a picture or a video, and where it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from fullconv.jobs.job import Job

Row = dict[str, Any]  # column → value
Stamp = tuple[int, int]  # bytes of a file, and when it was modified (nanoseconds)


@dataclass(frozen=True)
class Outcome:
    """What became of one picture or video: its result in numbers, or the error."""

    source: Path | str  # a str is an address in an object store
    width: int = 0
    height: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    outputs: tuple[Path | str, ...] = ()
    stamp: Stamp | None = None  # of the source, before it was read
    error: str | None = None
    damaged: bool = False  # the error lies in the file's content, and comes again until the file changes
    frames: int = 0  # of a video
    reduced_to: int | None = None  # pixels of the longer side, where the model saw it smaller than it is
    rows: tuple[Row, ...] = ()  # of the run's table, where one is wanted
    notes: tuple[str, ...] = ()  # what else is to be said of it, and what was decided for it that nobody asked for

    def to_json(self) -> dict[str, Any]:
        if self.error:
            return {"file": str(self.source), "error": self.error}
        size = {"width": self.width, "height": self.height} | ({"frames": self.frames} if self.frames else {})
        size |= {"reduced_to": self.reduced_to} if self.reduced_to else {}
        written = [str(path) for path in self.outputs]
        notes = {"notes": list(self.notes)} if self.notes else {}
        table = {"table": list(self.rows)} if self.rows else {}
        return {"file": str(self.source), **size, "classes": self.shares, "seconds": round(self.seconds, 4),
                "outputs": written, **table, **notes}  # fmt: skip


class Notes(Protocol):
    """What is told of files and pictures, from any thread."""

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        """Raises FullconvError where one of these is in the way, and is not the target's own."""

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        """The same, before they are written."""

    def add(self, job: Job, outcome: Outcome) -> None:
        """A picture is done."""


class NoNotes:
    """Where nobody asks: everything may be written."""

    def check(self, target: Path, paths: Sequence[Path]) -> None: ...
    def claim(self, target: Path, paths: Sequence[Path]) -> None: ...
    def add(self, job: Job, outcome: Outcome) -> None: ...


NO_NOTES = NoNotes()


@dataclass(frozen=True)
class OfFile:
    """Notes of a file's pages, which are the file's."""

    notes: Notes
    target: Path

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        self.notes.check(self.target, paths)

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        self.notes.claim(self.target, paths)

    def add(self, job: Job, outcome: Outcome) -> None:
        self.notes.add(job, outcome)


def together(pages: Sequence[Outcome]) -> Outcome:
    """What became of a file, of the first page's size."""
    pixels = [one.width * one.height for one in pages]
    names = dict.fromkeys(name for one in pages for name in one.shares)
    shares = {name: sum(one.shares.get(name, 0) * n for one, n in zip(pages, pixels, strict=True)) / sum(pixels)
              for name in names}  # fmt: skip
    written = tuple(path for one in pages for path in one.outputs)
    said = dict.fromkeys(note for one in pages for note in one.notes if not note.startswith("page "))
    smaller = next((one.reduced_to for one in pages if one.reduced_to), None)
    told = (f"{len(pages)} pages", *said)
    rows = tuple({"page": number, **row} for number, one in enumerate(pages, 1) for row in one.rows)
    return replace(pages[0], shares=shares, outputs=written, reduced_to=smaller, rows=rows, notes=told)


def stamp(source: Path) -> Stamp | None:
    """What tells a file from a later one under its name; None where there is none."""
    try:
        stat = source.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
