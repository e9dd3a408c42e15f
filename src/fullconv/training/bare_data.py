"""The description of a run's data: its own, or one assumed for a bare folder, written for the user to edit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fullconv.data.assumption import Assumption
from fullconv.data.description import OWN, describe, folder_of, read_data_file
from fullconv.errors import FullconvError, argument
from fullconv.files import write_whole
from fullconv.logger import logger, muted
from fullconv.training.processes import main_first


def describe_data(data: Path, out: Path, outside: Sequence[str | Path] = ()) -> Path:
    """Returns the data's description: its own, or a data YAML in the run's folder with what is assumed of a bare
    folder."""
    written = out / OWN[0]
    if data.is_dir() and written.is_file():
        refuse_other_description(written, data)
    with main_first() as first:
        if first and data.is_dir() and not written.is_file() and (assumed := _assumed(data, outside)):
            write_whole(written, lambda hidden: hidden.write_text(assumed.text, encoding="utf-8"))
            for line in (*assumed.lines, f"this is {written}, which you can edit"):
                logger.info(line)
    return written if data.is_dir() and written.is_file() else data


def _assumed(data: Path, outside: Sequence[str | Path]) -> Assumption | None:
    """The data are read once more to train on them, and what there is to say about them is said then."""
    with muted():
        return describe(data, outside).assumption


def refuse_other_description(written: Path, data: Path) -> None:
    """Raises FullconvError if the folder has assumptions about other data, from a run that failed before it began."""
    described = folder_of(written, read_data_file(written))
    if described != data.resolve():
        raise FullconvError(
            f"{written}: describes {described}, not {data}; choose another {argument('out')}, or remove that file"
        )
