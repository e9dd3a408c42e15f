"""Ctrl-C and SIGTERM: a command ends soon, in one line, with what is done kept; a second signal ends it at once."""

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

AGAIN = 2.0  # seconds
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked = threading.Event()
_process = 0  # which handles them; workers are forked with the same handlers
_number = signal.SIGINT  # of the signal that came


class Stopped(KeyboardInterrupt):
    """A signal came. It passes where errors are caught."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


def stop_if_asked() -> None:
    """For long work in other threads, which no signal reaches."""
    if _asked.is_set():
        raise Stopped


@contextmanager
def stoppable(context: click.Context) -> Iterator[None]:
    """What runs in here ends by a signal with the exit code that shells expect: 130 for Ctrl-C, 143 for SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _process  # noqa: PLW0603
    _process = os.getpid()
    before = {number: signal.signal(number, _stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    except KeyboardInterrupt as stop:
        _end(context, getattr(stop, "number", signal.SIGINT))
    except Exception:
        if not _asked.is_set():
            raise
        _end(context, _number)  # a library in C makes an error of its own of it, as while it is imported
    finally:
        if _asked.is_set() and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        _asked.clear()
        sys.unraisablehook = sys.__unraisablehook__
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(context: click.Context, number: int) -> NoReturn:
    click.echo(f"stopped; {_remedy(context)}", err=True)
    sys.exit(128 + number)


def _remedy(context: click.Context) -> str:
    group, name = context.command, context.invoked_subcommand
    command = group.get_command(context, name) if isinstance(group, click.Group) and name else None
    if command and any(option.name == "resume" for option in command.params):
        return "finished results are kept; continue with --resume"
    return "finished results are kept; run the command again"


def _stop(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _process:  # a worker, which took this over when it was forked
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    if _asked.is_set():
        os._exit(128 + number)
    global _number  # noqa: PLW0603
    _number = signal.Signals(number)
    _asked.set()
    sys.unraisablehook = _tell_of_others
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, partial(_stop_again, number))
        signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    raise Stopped(number)


def _tell_of_others(unraisable: Any) -> None:
    """Of what came up while an object was destroyed, all but the wish to stop."""
    if not isinstance(unraisable.exc_value, Stopped):
        sys.__unraisablehook__(unraisable)


def _stop_again(number: int, alarm: int, frame: FrameType | None) -> None:
    """An exception that comes up while an object is destroyed is swallowed, as at the end of an epoch's workers."""
    raise Stopped(number)
