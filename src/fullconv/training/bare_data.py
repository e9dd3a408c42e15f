"""The description of a run's data: its own, or one assumed for a bare folder, written for the user to edit."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from fullconv.data.assumption import Assumption
from fullconv.data.description import OWN, describe, folder_of, read_data_file
from fullconv.errors import FullconvError, argument
from fullconv.files import write_whole
from fullconv.logger import logger, muted
from fullconv.training.processes import main_first

SIGNED = "#sha256 of the lines above: "  # without a blank, so that it is no remark about the data


def describe_data(data: Path, out: Path, outside: Sequence[str | Path] = (), begun: bool = False) -> Path:
    """Returns the data's description: its own, or a data YAML in the run's folder with what is assumed of a bare
    folder. It is assumed anew if an attempt failed before the run has `begun`, because files may have changed since.

    Raises FullconvError if the folder has a data YAML of other data, or one that the user edited.
    """
    written = out / OWN[0]
    if not data.is_dir() or out.resolve() == data.resolve():
        return data
    if written.is_file():
        refuse_other_description(written, data, begun)
    with main_first() as first:
        if first and not begun:
            assume_anew(data, written, outside)
    return written if written.is_file() else data


def assume_anew(data: Path, written: Path, outside: Sequence[str | Path]) -> None:
    """Writes what is assumed of a bare folder now, and logs it."""
    refuse_edited(written, data)
    assumed = _assumed(data, outside)
    if assumed is None:
        written.unlink(missing_ok=True)  # the folder now has a description of its own
        return
    write_whole(written, lambda hidden: hidden.write_text(signed(assumed.text), encoding="utf-8"))
    for line in (*assumed.lines, f"this is {written}, which you can edit"):
        logger.info(line)


def signed(text: str) -> str:
    """Returns the text with a last line that shows later whether somebody edited it."""
    return f"{text}{SIGNED}{sha256(text.encode()).hexdigest()}\n"


def is_edited(text: str) -> bool:
    return signed(text.rpartition(SIGNED)[0]) != text


def _assumed(data: Path, outside: Sequence[str | Path]) -> Assumption | None:
    """The data are read once more to train on them, and what there is to say about them is said then."""
    with muted():
        return describe(data, outside).assumption


def refuse_other_description(written: Path, data: Path, begun: bool) -> None:
    """Raises FullconvError if the folder has assumptions about other data, from the same run or from one that failed
    before it began."""
    described = folder_of(written, read_data_file(written))
    if described != data.resolve() and begun:
        raise FullconvError(
            f"{written}: this run is trained on {described}, not {data}; give that folder, or start a new run on {data}"
        )
    if described != data.resolve():
        raise FullconvError(
            f"{written}: describes {described}, not {data}; choose another {argument('out')}, or remove that file"
        )


def refuse_edited(written: Path, data: Path) -> None:
    """Raises FullconvError if the user edited the assumptions: to make them anew would lose this work."""
    if written.is_file() and is_edited(written.read_text(encoding="utf-8")):
        raise FullconvError(
            f"{written}: was edited; to train with it, give it instead of {data}; to assume anew, remove that file"
        )
