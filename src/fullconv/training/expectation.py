"""Estimates the remaining time of a run, and the trend of its score."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from fullconv.training.epoch_log import Epoch, mean_ious
from fullconv.words import counted

RISE = 0.002  # of mean IoU; smaller changes do not count as rising
LATE = 1.1  # times the time that was expected at the start


@dataclass
class Expectation:
    """`steps`: those that remain when it begins. `ends`: when they should be done, on the monotonic clock."""

    steps: int
    history: list[Epoch]
    ends: float | None = None
    done: int = 0
    began: float = field(default_factory=monotonic)

    def words(self, now: float) -> str:
        """ "about 9 minutes left, mean IoU 0.71 and rising" """
        left = self.seconds_left(now)
        parts = [f"about {in_words(left)} left", trend(self.history)]
        if self.ends is not None and now + left - self.began > LATE * (self.ends - self.began):
            late = in_words(now + left - self.ends)
            parts.append(
                f"{late} longer than requested: the machine is slower than at the start, and no step is skipped"
            )
        return ", ".join(part for part in parts if part)

    def seconds_left(self, now: float) -> float:
        """Estimates from the mean pace so far, including evaluations."""
        return (self.steps - self.done) * (now - self.began) / max(self.done, 1)


def in_words(seconds: float) -> str:
    """ "40 seconds", "9 minutes", "3.5 hours" """
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    if seconds < 90 * 60:
        return counted(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def trend(history: list[Epoch]) -> str:
    """Returns "mean IoU 0.71 and rising", or an empty string before the first evaluation."""
    scores = mean_ious(history)
    if not scores:
        return ""
    best = max(scores[:-1], default=None)
    if best is None:
        return f"mean IoU {scores[-1]:.2f}"
    word = "rising" if scores[-1] > best + RISE else "steady" if scores[-1] > best - RISE else "below the best"
    return f"mean IoU {scores[-1]:.2f} and {word}"
