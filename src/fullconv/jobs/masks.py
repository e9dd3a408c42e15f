"""Says if inputs are the folder of a data set, whose masks would be segmented like photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from fullconv.data.layouts.pairs import Pair, find_folders
from fullconv.errors import FullconvError
from fullconv.jobs.job import Job

SHOWN = 3  # folders of pictures in a note


def notes_on_masks(inputs: Iterable[str], jobs: Iterable[Job]) -> Iterator[str]:
    """Yields a line for each folder among the inputs that holds pictures beside their masks, if masks are among the
    jobs. It names the folders of the pictures alone."""
    for folder in map(Path, inputs):
        pairs = _pairs_in(folder)
        masks = outermost(pair.masks for pair in pairs)
        if any(source.is_relative_to(place) for source in (job.source for job in jobs) for place in masks):
            images = outermost(pair.images for pair in pairs)
            what = f"the pictures in {_named(masks)} look like masks and are segmented too"
            yield f"{what}; for the photos alone, give {_named(images)}"


def _pairs_in(folder: Path) -> list[Pair]:
    found = None
    with suppress(FullconvError, OSError):  # folders that cannot be read are reported with the pictures
        found = find_folders(folder, "masks")
    return [pair for items in (found or {}).values() for _, pair in items]


def outermost(folders: Iterable[Path]) -> list[Path]:
    """Returns the folders that lie in none of the others, each once."""
    every = dict.fromkeys(folders)
    return [folder for folder in every if not any(parent in every for parent in folder.parents)]


def _named(folders: list[Path]) -> str:
    return " ".join(map(str, folders[:SHOWN])) + (" and so on" if len(folders) > SHOWN else "")
