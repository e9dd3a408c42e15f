"""Checks files before they are written, and records outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fullconv.jobs.job import Job
from fullconv.jobs.outcome import Outcome


class Recorder(Protocol):
    """Checks files before they are written, and records results. Its methods may be called from any thread."""

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        """Raises FullconvError if one of these files exists and does not belong to the target."""

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        """Checks the files, and records that they are about to be written."""

    def add(self, job: Job, outcome: Outcome) -> None:
        """Records that a picture is done."""


class NoRecorder:
    """Allows all files and records nothing."""

    def check(self, target: Path, paths: Sequence[Path]) -> None: ...
    def claim(self, target: Path, paths: Sequence[Path]) -> None: ...
    def add(self, job: Job, outcome: Outcome) -> None: ...


NO_RECORDER = NoRecorder()


@dataclass(frozen=True)
class PageRecorder:
    """Checks and records the pages of a file as parts of the file."""

    recorder: Recorder
    target: Path

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        self.recorder.check(self.target, paths)

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        self.recorder.claim(self.target, paths)

    def add(self, job: Job, outcome: Outcome) -> None:
        self.recorder.add(job, outcome)
