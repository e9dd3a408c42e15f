"""What commands print: results to standard output, notes to standard error, neither with --quiet; errors always."""

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
    """--quiet, which every command takes."""
    return click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        expose_value=False,
        callback=_keep,
        help="Print only errors, and JSON if requested.",
    )


def _keep(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[QUIET] = value


def is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET, False))


class _Lines(logging.Handler):
    """Each record is a line; a warning begins with `note:`."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"note: {record.getMessage()}" if record.levelno >= logging.WARNING else record.getMessage())


@contextmanager
def told() -> Iterator[None]:
    """What the library says in here is printed, to standard error, and goes to no other handler."""
    handler, before = _Lines(), (logger.level, logger.propagate)
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
    """What the library prints in here goes nowhere; its errors are exceptions."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


def is_watched() -> bool:
    """Whether somebody sees bars."""
    return sys.stderr.isatty() and not is_quiet()


def say(text: Any) -> None:
    if not is_quiet():
        click.echo(_shown(text))


def note(text: Any) -> None:
    """What is worth knowing and no error."""
    if not is_quiet():
        click.echo(_shown(text), err=True)


def fail(text: Any) -> None:
    """An error: one line, also with --quiet."""
    click.echo(f"error: {printable(str(text))}", err=True)


def _shown(text: Any) -> str:
    """Lines that command no terminal, whatever names stand in them."""
    shown = str(text)
    return shown if shown.isprintable() else "\n".join(map(printable, shown.split("\n")))
