"""What a run prints: a row or a JSON value for each picture, errors and notes as they occur, and totals at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from fullconv.commands.json_output import STANDARD_OUTPUT, write_stream
from fullconv.commands.progress import with_bar
from fullconv.commands.terminal import fail, is_watched, note, say
from fullconv.jobs.outcome import Outcome
from fullconv.raster_signs import is_raster
from fullconv.words import counted, printable, was

ROWS = 200  # with more pictures, only totals are printed; predictions.jsonl has a line for each
WIDEST = 60  # characters of the column of names
NOTES = 20  # printed at most per run


@dataclass
class Printout:
    """What the user is told about a run. `show` fills the counters from `done` on.

    `ran`: engine and precision. `earlier`: number of pictures finished by an earlier run. `damaged`: number that failed
    in an earlier run and are not tried again. `results`: number of files ignored because an earlier run wrote them.
    `skipped`: a sentence about files that are not pictures. `removed`: number of files of earlier runs.
    """

    json_file: str | None
    ran: str
    earlier: int = 0
    damaged: int = 0
    results: int = 0
    skipped: str = ""
    removed: int = 0
    done: int = 0
    videos: int = 0
    failed: int = 0
    files: int = 0
    noted: int = 0
    reduced: Counter[int] = field(default_factory=Counter)  # {longest side in pixels: number of pictures}

    @property
    def prints_json(self) -> bool:
        """Whether JSON goes to standard output, in place of the rows."""
        return self.json_file == STANDARD_OUTPUT

    def show(self, outcomes: Iterable[Outcome], number: int, names: Iterable[str]) -> None:
        """Prints each outcome as it arrives: as JSON, or as a row if there are at most `ROWS`. Keeps none in memory.

        `number` and `names` are those of the pictures.
        """
        rows = number <= ROWS and not self.prints_json
        shown = self._shown(outcomes, min(WIDEST, max(map(len, names), default=0)) if rows else None)
        if self.json_file is None:
            for _ in shown:
                pass
        else:
            write_stream(self.json_file, "results", (outcome.to_json() for outcome in shown))

    def _shown(self, outcomes: Iterable[Outcome], width: int | None) -> Iterator[Outcome]:
        """Counts the outcomes, prints what they need, and yields them. `width` is that of the name in a row; if it is
        None, no rows are printed."""
        for outcome in outcomes:
            if outcome.error:
                fail(outcome.error)
            for text in outcome.notes[: max(0, NOTES - self.noted)]:
                note(printable(f"note: {outcome.source}: {text}"))
            self._count(outcome)
            if width is not None and not outcome.error:
                say(row(outcome, width))
            yield outcome
        if self.noted > NOTES:
            note(f"and {counted(self.noted - NOTES, 'note')} more like these; --json lists all")

    def _count(self, outcome: Outcome) -> None:
        self.noted += len(outcome.notes)
        self.failed += bool(outcome.error)
        self.done += not outcome.error
        self.videos += outcome.frames > 0
        self.files += len(outcome.outputs)
        self.reduced.update([outcome.reduced_to] if outcome.reduced_to else [])

    def behind_bar(self, outcomes: Iterator[Outcome], number: int, sources: Iterable[Path]) -> Iterator[Outcome]:
        """Yields the outcomes under a progress bar, unless the terminal already shows rows or the bars of rasters."""
        if number <= 1:  # a bar would only show 0 or 100 %
            return outcomes
        rows = (self.prints_json or number <= ROWS) and sys.stdout.isatty()
        return with_bar(outcomes, number, hidden=rows or (is_watched() and any(map(is_raster, sources))))

    def end(self, out: str) -> None:
        """Prints the totals."""
        if not self.prints_json:
            say(self.line(out))
        if self.reduced:
            note(f"note: {self.reduction()}")
        if self.skipped:
            (note if self.prints_json else say)(self.skipped)

    def reduction(self) -> str:
        """Says how many pictures the model saw at a reduced size."""
        ((side, number),) = self.reduced.items()
        every = f"{self.done} photos and videos" if self.videos else counted(self.done, "photo")
        whose = "its" if number == 1 else "their"
        return f"{number} of {every} {was(number)} reduced to {side} pixels; --tile auto keeps {whose} scale"

    def line(self, out: str) -> str:
        """Returns the totals in one line."""
        earlier = f"; {self.earlier} {was(self.earlier)} finished earlier" if self.earlier else ""
        results = (
            f"; {counted(self.results, 'result')} of earlier runs {was(self.results)} ignored" if self.results else ""
        )
        if self.removed:
            results += f"; {counted(self.removed, 'file')} of earlier runs {was(self.removed)} removed"
        failed = f"; {self.failed} failed" if self.failed else ""
        if self.damaged:
            failed += f", {self.damaged} of which {was(self.damaged)} not tried again because the file has not changed"
        done = counted(self.done - self.videos, "picture") if self.done > self.videos or not self.videos else ""
        videos = counted(self.videos, "video") if self.videos else ""
        made = f"{', '.join(filter(None, (done, videos)))}, {counted(self.files, 'file')} in {out} ({self.ran})"
        return f"{made}{earlier}{results}{failed}"


def row(outcome: Outcome, width: int) -> str:
    """Returns a row: file, size, time, and the classes found with their share of the pixels."""
    found = "  ".join(f"{name} {percent(share)}" for name, share in outcome.shares.items())
    name, size = click.format_filename(outcome.source), f"{outcome.width}x{outcome.height}"
    name = name if name.isprintable() else printable(name)
    if outcome.frames:
        size += f" {counted(outcome.frames, 'frame')}"
    return f"{name:{width}}  {size:>11}  {outcome.seconds * 1000:6.0f} ms  {found}"


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"
