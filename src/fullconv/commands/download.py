"""fullconv download"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.paths import FOLDER
from fullconv.commands.terminal import is_watched, say
from fullconv.words import pasted

if TYPE_CHECKING:
    from fullconv.data.catalogue import CatalogueEntry


@click.command()
@click.argument("name")
@click.option("-o", "--out", type=FOLDER, help="Folder to create.  [default: data/NAME]")
@click.option("--unverified", is_flag=True, help="Accept an archive that has no published checksum.")
def download(name: str, out: Path | None, unverified: bool) -> None:
    """Download a public data set to train on, from its own website.

    NAME is voc2012, sbd, camvid, oxford-pets, cityscapes or ade20k. If a download is interrupted, run the same command
    again to continue it. Checksums are compared before anything is unpacked. Cityscapes needs the user name and
    password of its website: set CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD, or type them when asked.
    """
    from fullconv.data.catalogue import find_entry
    from fullconv.data.download import download as run
    from fullconv.data.download import is_there, remove_store

    entry = find_entry(name)
    folder = out or Path("data", name)
    if is_there(entry, folder):
        remove_store(folder)
        say(f"{folder}: already exists\n{next_step(folder)}")
        return
    say(f"{entry.title}, {entry.homepage}\nterms: {entry.terms}")
    checksums = run(entry, folder, with_progress, credentials(entry), unverified)
    for archive in entry.archives:
        if not archive.sha256:
            say(f"not verified (no published checksum): {archive.url}, SHA-256 {checksums[archive.filename]}")
    say(f"{name}: {folder}\n{next_step(folder)}")


def next_step(folder: Path) -> str:
    return f"next: fullconv check {pasted(folder)}"


def credentials(entry: CatalogueEntry) -> tuple[str, str] | None:
    """Returns (user name, password), or None if the entry needs no login. They are not stored.

    Raises FullconvError if they are not set and cannot be asked for, because standard input is not a terminal.
    """
    from fullconv.errors import FullconvError

    if not entry.login:
        return None
    given = [os.environ.get(f"CITYSCAPES_{word}") for word in ("USERNAME", "PASSWORD")]
    if not all(given) and not can_ask():
        raise FullconvError(
            f"{entry.name}: needs a login; register at {entry.homepage} "
            "and set CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD"
        )
    user, password = given
    return (
        user or click.prompt(f"User name at {entry.homepage}", err=True),
        password or click.prompt("Password", hide_input=True, err=True),
    )


def can_ask() -> bool:
    return sys.stdin.isatty()


@contextmanager
def with_progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on a terminal. If `total` is None (the length is unknown), it shows no time left."""
    steps: Iterable[None] | None = itertools.repeat(None) if total is None else None
    with click.progressbar(
        steps, total, label=label, file=sys.stderr, hidden=not is_watched(), show_eta=total is not None
    ) as bar:
        yield bar.update
