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
        parts += section(fullconv.get_command(context, name), name, context, width)
    return "\n".join(parts)


def section(command: click.Command, name: str, parent: click.Context, width: dict[str, int]) -> list[str]:
    """The lines of a command, and of those inside it."""
    context = click.Context(command, info_name=name, parent=parent, **width)
    lines = [f"## {context.command_path}", "", "```", command.get_help(context), "```", ""]
    for inside, inner in getattr(command, "commands", {}).items():
        lines += section(inner, inside, context, width)
    return lines


if __name__ == "__main__":
    CLI.write_text(reference())
