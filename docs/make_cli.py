"""Writes docs/cli.md from the commands' own help. usage: python docs/make_cli.py"""

from pathlib import Path

import click

from fullconv.commands.main import COMMANDS, fullconv

CLI = Path(__file__).parent / "cli.md"


def reference() -> str:
    """The page: a section for each command, its text that of --help."""
    parts = ["# Command line", "", "Written by `make docs` from `--help`.", ""]
    width = {"terminal_width": 100, "max_content_width": 100}
    context = click.Context(fullconv, info_name="fullconv", **fullconv.context_settings, **width)
    for name in COMMANDS:
        command = fullconv.get_command(context, name)
        inner = click.Context(command, info_name=name, parent=context, **width)
        parts += [f"## fullconv {name}", "", "```", command.get_help(inner), "```", ""]
    return "\n".join(parts)


if __name__ == "__main__":
    CLI.write_text(reference())
