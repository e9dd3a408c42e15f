"""What a run on a cluster does with every picture, and the row that describes one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from fullconv.jobs.job import Wanted
from fullconv.jobs.stores import Place
from fullconv.prediction.engines.choice import Choice


class Row(TypedDict):
    """One picture. Ray Data passes it to the workers, so its values are plain."""

    input: int  # number of the input that the picture was found in
    path: str  # in the store of the input
    name: str  # of the results in `Task.out`, without extension
    foreign: str  # JSON: names of the files in `Task.out` that must not be replaced


@dataclass(frozen=True)
class Task:
    """The settings for every worker."""

    inputs: list[Place]
    out: Place
    wanted: Wanted
    choice: Choice
    endings: list[str]  # possible ends of the results' file names
    overwrite: bool  # whether to replace existing files in `out`

    @property
    def pages(self) -> bool:
        """Whether each page of a file gets results of its own."""
        return self.wanted.reading.pages
