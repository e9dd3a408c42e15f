"""Shows the progress of a run: a bar with the remaining time on a terminal, a line per epoch, and log.jsonl."""

from __future__ import annotations

import sys
from pathlib import Path
from time import monotonic
from typing import Any

import click

from fullconv.files import write_whole
from fullconv.logger import logger
from fullconv.training.epoch_log import Epoch, line_of
from fullconv.training.expectation import Expectation
from fullconv.training.symptoms import symptoms, texts
from fullconv.words import counted

AT_A_TERMINAL, IN_A_LOG = 3.0, 60.0  # seconds between two messages on the remaining time


class RunProgress:
    """The progress over all steps of a run, some of which may be done already. Only one process `speaks`."""

    def __init__(
        self, epochs: int, steps: int, log: Path, history: list[Epoch], speaks: bool = True,
        ends: float | None = None,
    ) -> None:  # fmt: skip
        self.epochs, self.log, self.lines = epochs, log, [line_of(entry) for entry in history]
        self.expected = Expectation((epochs - len(history)) * steps, list(history), ends)
        self.every = AT_A_TERMINAL if sys.stderr.isatty() else IN_A_LOG
        self.outlook, self.noticed = "", set[tuple[str, str]]()
        self.speaks, self.last_shown = speaks, monotonic()
        self.steps, self.begun, self.stepped = 0, monotonic(), monotonic()
        self.bar = click.progressbar(
            length=epochs * steps, file=sys.stderr, show_pos=True, item_show_func=lambda loss: loss,
            hidden=not (speaks and sys.stderr.isatty()),
        )  # fmt: skip
        self.bar.update(len(history) * steps)
        if history and speaks:
            self.write_log()  # the state is saved before the log, so a kill may have come between the two

    def __enter__(self) -> RunProgress:
        self.bar.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.__exit__(*error)

    def advance(self, loss: float) -> None:
        """Counts one step. The remaining time is shown beside the bar every few seconds, or without a bar every
        minute."""
        self.expected.done += 1
        self.steps, self.stepped = self.steps + 1, monotonic()
        if monotonic() - self.last_shown >= self.every:
            self.last_shown, self.outlook = monotonic(), f", {self.expected.words(monotonic())}"
            if self.speaks and self.bar.hidden:
                logger.info(f"loss {loss:.3f}{self.outlook}")
        self.bar.update(1, f"loss {loss:.3f}{self.outlook}")

    def end_epoch(self, entry: Epoch) -> float:
        """Prints and logs the epoch. Returns its steps per second, without the evaluation. They are not in log.jsonl,
        which is the same after every interruption."""
        speed = self.steps / max(self.stepped - self.begun, 1e-3)
        self.expected.history.append(entry)
        self.lines.append(line_of(entry))
        self.write_log()
        plain = {key: value for key, value in entry.items() if key != "epoch" and isinstance(value, float | int | None)}
        numbers = "  ".join(f"{key} {_number(value)}" for key, value in plain.items())
        if not self.bar.hidden:
            click.echo("\r", nl=False, err=True)  # overwrites the bar
        logger.info(f"epoch {entry['epoch']}/{self.epochs}  {numbers}  {speed:.3g} steps/s")
        self._warn(entry)
        self.steps, self.begun = 0, monotonic()
        return speed

    def _warn(self, entry: Epoch) -> None:
        """Prints what is newly noticed."""
        found = symptoms(self.expected.history, has_ended=entry["epoch"] == self.epochs)
        fresh = [symptom for symptom in found if (symptom.kind, symptom.name) not in self.noticed]
        self.noticed.update((symptom.kind, symptom.name) for symptom in fresh)
        for text in texts(fresh):
            logger.warning(text)

    def stop_early(self, patience: int) -> None:
        """Says why the run ends before its last epoch."""
        if self.speaks:
            waited = counted(patience, "evaluation")
            logger.info(
                f"stopped after epoch {len(self.lines)} of {self.epochs}, because {waited} on val brought no "
                f"improvement (patience); to go on, resume with more than {self.epochs} epochs"
            )

    def write_log(self) -> None:
        """Rewrites the whole log, so that a killed and resumed run has each epoch once."""
        write_whole(self.log, lambda hidden: hidden.write_text("\n".join(self.lines) + "\n"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"  # a learning rate may be 1e-14
