"""What a run says while it goes: a progress bar with the time left, a line an epoch, and log.jsonl."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from fullconv.files import write_whole


class Report:
    """Progress over all steps of a run, of which some epochs may be done already."""

    def __init__(self, epochs: int, steps: int, log: Path, history: list[dict[str, Any]]) -> None:
        self.epochs, self.log, self.lines = epochs, log, [json.dumps(entry) for entry in history]
        self.bar = click.progressbar(
            length=epochs * steps, file=sys.stderr, show_pos=True, item_show_func=lambda loss: loss,
            hidden=not sys.stderr.isatty(),
        )  # fmt: skip
        self.bar.update(len(history) * steps)

    def __enter__(self) -> Report:
        self.bar.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.__exit__(*error)

    def advance(self, loss: float) -> None:
        self.bar.update(1, f"loss {loss:.3f}")

    def end_epoch(self, entry: dict[str, Any]) -> None:
        """Writes the whole log anew, so that a run that was killed and resumed has each epoch once."""
        self.lines.append(json.dumps(entry))
        write_whole(self.log, lambda hidden: hidden.write_text("\n".join(self.lines) + "\n"))
        numbers = "  ".join(f"{key} {value:.4g}" for key, value in entry.items() if key != "epoch")
        click.echo(f"\repoch {entry['epoch']}/{self.epochs}  {numbers}", err=True)
