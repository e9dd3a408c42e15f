"""The command `fullconv`. Each of its commands has a file in this folder, which is imported only when it is needed."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import warnings
from importlib import import_module
from typing import Any

import click

from fullconv import __version__
from fullconv.commands.disk import in_one_line
from fullconv.commands.environment import name_variables
from fullconv.commands.stopping import stoppable
from fullconv.commands.terminal import add_quiet, fail
from fullconv.errors import FullconvError, UnknownValue, messages_with_flags, suggestion

# In the order in which people usually need them.
COMMANDS = (
    "predict",
    "serve",
    "page",
    "check",
    "train",
    "evaluate",
    "label",
    "export",
    "push",
    "convert",
    "explain",
    "models",
    "bench",
    "download",
)


class Commands(click.Group):
    """Imports a command's file when the command is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:
        with messages_with_flags(), stoppable(ctx):
            check_current_folder()
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(error.message.rstrip(".") + suggestion(args[0], COMMANDS), ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"fullconv.commands.{cmd_name}"), cmd_name)
        add_quiet(command)
        name_variables(command, f"FULLCONV_{cmd_name.upper()}")
        return command


SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True, "auto_envvar_prefix": "FULLCONV"}


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(__version__, allow_from_autoenv=False)
def fullconv() -> None:
    """Semantic segmentation with fully convolutional networks."""


def check_current_folder() -> None:
    """Raises FullconvError if the current folder was removed: some libraries end the process then."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise FullconvError("the current folder no longer exists; change to another one (cd), then try again") from None


def main() -> None:
    """Runs a command. An error that the user can correct is printed in one line, and the exit code is 1, or 2 for a
    value that does not exist.

    If a command or an option does not exist, click exits with 2.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    atexit.register(gc.freeze)  # a million objects of a training would be collected for three seconds
    try:
        fullconv()
    except FullconvError as error:
        fail(error)
        sys.exit(2 if isinstance(error, UnknownValue) else 1)
    except OSError as error:
        line = in_one_line(error)
        if line is None:
            raise
        fail(line)
        sys.exit(1)
