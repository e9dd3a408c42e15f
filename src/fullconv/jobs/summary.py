"""Totals over all pictures of a run, without keeping any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fullconv.jobs.outcome import Outcome
from fullconv.words import counted, was

NOTES = 20  # that are said of a run


@dataclass
class Summary:
    """`ran`: engine and precision; `earlier`: done before; `damaged`: failed before, and not tried again; `results` of
    earlier runs, which are no inputs; `skipped`: what was no picture, in words. The rest is counted by `over`."""

    ran: str
    earlier: int = 0
    damaged: int = 0
    results: int = 0
    skipped: str = ""
    done: int = 0
    videos: int = 0
    failed: int = 0
    files: int = 0
    noted: int = 0
    reduced: Counter[int] = field(default_factory=Counter)  # to so many pixels

    def over(self, outcomes: Iterable[Outcome], say: Callable[[str], object]) -> Iterator[Outcome]:
        """The same outcomes, counted; errors are said as they come, and so are the first notes."""
        for outcome in outcomes:
            if outcome.error:
                say(f"error: {outcome.error}")
            for note in outcome.notes[: max(0, NOTES - self.noted)]:
                say(f"note: {outcome.source}: {note}")
            self._count(outcome)
            yield outcome
        if self.noted > NOTES:
            say(f"and {counted(self.noted - NOTES, 'note')} more like these; --json lists all")

    def _count(self, outcome: Outcome) -> None:
        self.noted += len(outcome.notes)
        self.failed += bool(outcome.error)
        self.done += not outcome.error
        self.videos += outcome.frames > 0
        self.files += len(outcome.outputs)
        self.reduced.update([outcome.reduced_to] if outcome.reduced_to else [])

    def reduction(self) -> str:
        """That the model saw some of them smaller than they are."""
        ((side, number),) = self.reduced.items()
        every = f"{self.done} photos and videos" if self.videos else counted(self.done, "photo")
        whose = "its" if number == 1 else "their"
        return f"{number} of {every} {was(number)} reduced to {side} pixels; --tile auto keeps {whose} scale"

    def line(self, out: str) -> str:
        earlier = f"; {self.earlier} {was(self.earlier)} finished earlier" if self.earlier else ""
        results = (
            f"; {counted(self.results, 'result')} of earlier runs {was(self.results)} ignored" if self.results else ""
        )
        failed = f"; {self.failed} failed" if self.failed else ""
        if self.damaged:
            failed += f", {self.damaged} of which {was(self.damaged)} not tried again because the file has not changed"
        done = counted(self.done - self.videos, "picture") if self.done > self.videos or not self.videos else ""
        videos = counted(self.videos, "video") if self.videos else ""
        made = f"{', '.join(filter(None, (done, videos)))}, {counted(self.files, 'file')} in {out} ({self.ran})"
        return f"{made}{earlier}{results}{failed}"
