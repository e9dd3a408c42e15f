"""Ctrl-C and SIGTERM: a command stops soon, prints one line and keeps its finished results. A second signal ends it at
once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import click

PAUSE = 2.0  # seconds until the exception is raised again, in case it was swallowed
AGAIN = "run the command again"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_requested = threading.Event()  # set once a signal arrived
_process = 0  # id of the process that handles the signals; forked workers inherit the handlers
_number = signal.SIGINT  # of the signal that arrived


class Stopped(KeyboardInterrupt):
    """Raised by a signal. Like KeyboardInterrupt, it is not caught by `except Exception`. Its note, if any, says how to
    go on."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


def stop_if_asked() -> None:
    """Raises `Stopped` if a signal arrived. For long work in other threads, where Python runs no signal handlers."""
    if _requested.is_set():
        raise Stopped


@contextmanager
def stoppable(context: click.Context) -> Iterator[None]:
    """If a signal arrives in this block, exits with the code that shells expect: 130 for Ctrl-C, 143 for SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _process  # noqa: PLW0603
    _process = os.getpid()
    before = {number: signal.signal(number, _stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    except KeyboardInterrupt as stop:
        _end(context, getattr(stop, "number", signal.SIGINT), *getattr(stop, "__notes__", ()))
    except Exception:
        if not _requested.is_set():
            raise
        _end(context, _number)  # a C library turned `Stopped` into its own error, for example while it was imported
    finally:
        if _requested.is_set() and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        _requested.clear()
        sys.unraisablehook = sys.__unraisablehook__
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(context: click.Context, number: int, *remedies: str) -> NoReturn:
    click.echo(f"stopped; finished results are kept; {(*remedies, _remedy(context))[0]}", err=True)
    sys.exit(128 + number)


def _remedy(context: click.Context) -> str:
    group, name = context.command, context.invoked_subcommand
    command = group.get_command(context, name) if isinstance(group, click.Group) and name else None
    if command and any(option.name == "resume" for option in command.params):
        return "continue with --resume"
    return AGAIN


def _stop(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _process:  # a forked worker, which inherited this handler
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    if _requested.is_set():
        os._exit(128 + number)
    global _number  # noqa: PLW0603
    _number = signal.Signals(number)
    _requested.set()
    sys.unraisablehook = _report_others
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, partial(_stop_again, number))
        signal.setitimer(signal.ITIMER_REAL, PAUSE, PAUSE)
    raise Stopped(number)


def _report_others(unraisable: Any) -> None:
    """Reports exceptions that were raised while an object was destroyed, except `Stopped`."""
    if not isinstance(unraisable.exc_value, Stopped):
        sys.__unraisablehook__(unraisable)


def _stop_again(number: int, alarm: int, frame: FrameType | None) -> None:
    """Raises `Stopped` again: Python swallows an exception that is raised while an object is destroyed, such as the
    worker processes at the end of an epoch."""
    raise Stopped(number)
