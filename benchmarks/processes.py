"""Commands timed as whole processes, in turn, so that a machine whose speed drifts treats them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Timing:
    """Runs of one command: seconds of wall time and megabytes of peak memory."""

    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        spread = f"({min(self.seconds):.2f}-{max(self.seconds):.2f})"
        return f"{statistics.median(self.seconds):6.2f} s {spread}  {max(self.megabytes):5.0f} MB"


def run_once(command: Sequence[str], timing: Timing) -> None:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    timing.seconds.append(time.perf_counter() - start)
    timing.megabytes.append(usage.ru_maxrss / 1024)
    if status:
        sys.exit(f"{' '.join(command)} failed: {process.stderr.read().decode()[-300:]}")


def compare(commands: dict[str, Sequence[str]], runs: int) -> dict[str, Timing]:
    """One run of each that does not count (caches get warm), then `runs` rounds of all."""
    for command in commands.values():
        run_once(command, Timing())
    timings = {name: Timing() for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            run_once(command, timings[name])
    return timings


def table(timings: dict[str, Timing]) -> str:
    """The first is what the others are divided by."""
    first = next(iter(timings.values()))
    lines = []
    for name, timing in timings.items():
        ratio = statistics.median(b / a for a, b in zip(first.seconds, timing.seconds, strict=True))
        lines.append(f"{name:<34} {timing}  {ratio:5.1f} times the first")
    return "\n".join(lines)


def light_environment(folder: Path, extras: str = "") -> Path:
    """A fresh environment with fullconv's core alone, or with extras, such as "serve,geo"; gives its bin folder."""
    package = f"{Path(__file__).parent.parent}" + (f"[{extras}]" if extras else "")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", package], check=True)
    return folder / "bin"
