"""What commands print: results to standard output, notes and errors to standard error. With --quiet, only errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import click

from fullconv.logger import logger
from fullconv.words import printable

QUIET = "fullconv.quiet"  # in the context of the whole command line


def quiet_option() -> click.Option:
    """Returns the option --quiet, which every command has."""
    return click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_keep,
        help="Print only errors, and JSON if requested.",
    )


def add_quiet(command: click.Command) -> None:
    """Adds --quiet to a command, and to the commands inside it."""
    if not any(option.name == "quiet" for option in command.params):
        command.params.append(quiet_option())
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            add_quiet(inner)


def _keep(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[QUIET] = value or is_quiet()  # `explain -q heatmap` is quiet as well


def is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET, False))


class _NoteHandler(logging.Handler):
    """Prints each log record as a line. Warnings begin with `note:`."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"note: {record.getMessage()}" if record.levelno >= logging.WARNING else record.getMessage())


@contextmanager
def printed_log() -> Iterator[None]:
    """Prints what the library logs in this block to standard error, and passes it to no other handler."""
    handler, before = _NoteHandler(), (logger.level, logger.propagate)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


@contextmanager
def silent() -> Iterator[None]:
    """Suppresses what the library prints in this block. Its errors are exceptions and are not affected."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


def is_watched() -> bool:
    """Whether progress bars are shown: on a terminal, without --quiet."""
    return sys.stderr.isatty() and not is_quiet()


def say(text: Any) -> None:
    """Prints a result to standard output."""
    if not is_quiet():
        click.echo(_shown(text))


def note(text: Any) -> None:
    """Prints something worth knowing that is not an error, to standard error."""
    if not is_quiet():
        click.echo(_shown(text), err=True)


def fail(text: Any) -> None:
    """Prints an error in one line, even with --quiet."""
    click.echo(f"error: {printable(str(text))}", err=True)


def _shown(text: Any) -> str:
    """Returns the text with control characters escaped: file names could contain commands for the terminal."""
    shown = str(text)
    return shown if shown.isprintable() else "\n".join(map(printable, shown.split("\n")))
