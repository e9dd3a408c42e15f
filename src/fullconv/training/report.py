"""What a run says while it goes: a progress bar with the time left, a line an epoch, and log.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fullconv.files import write_whole


class Report:
    """Progress over all steps of a run, of which some epochs may be done already."""

    def __init__(self, epochs: int, steps: int, log: Path, history: list[dict[str, Any]]) -> None:
        self.epochs, self.log, self.lines = epochs, log, [json.dumps(entry) for entry in history]
        self.console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"), TimeElapsedColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=self.console, transient=True)
        self.task = self.progress.add_task("", total=epochs * steps, completed=len(history) * steps, loss="")

    def __enter__(self) -> Report:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def advance(self, loss: float) -> None:
        self.progress.update(self.task, advance=1, loss=f"loss {loss:.3f}")

    def end_epoch(self, entry: dict[str, Any]) -> None:
        self.lines.append(json.dumps(entry))
        write_whole(self.log, lambda hidden: hidden.write_text("\n".join(self.lines) + "\n"))
        numbers = "  ".join(f"{key} {value:.4f}" for key, value in entry.items() if key != "epoch")
        self.console.print(f"epoch {entry['epoch']}/{self.epochs}  {numbers}", highlight=False)
