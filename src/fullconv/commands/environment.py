"""The variables of the options in the environment: FULLCONV, the command and the option, in capitals."""

from __future__ import annotations

import click


def name_variables(command: click.Command, prefix: str) -> None:
    """Gives each option of a command, and of the commands inside it, a variable named after its flag.

    click names it after the Python parameter, which differs where the flag is a word of Python, such as --from.
    """
    for option in command.params:
        if isinstance(option, click.Option) and option.allow_from_autoenv:
            option.envvar = list(dict.fromkeys([*_own(option), f"{prefix}_{_capitals(longest_flag(option))}"]))
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            name_variables(inner, f"{prefix}_{_capitals(name)}")


def longest_flag(option: click.Parameter) -> str:
    return max(option.opts, key=len)


def _own(option: click.Option) -> list[str]:
    """Returns the variables that the option already has, such as FULLCONV_TOKEN."""
    given = option.envvar or ()
    return [given] if isinstance(given, str) else list(given)


def _capitals(name: str) -> str:
    return name.lstrip("-").replace("-", "_").upper()
