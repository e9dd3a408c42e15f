"""Every command line in README.md and docs/ is one that fullconv takes: its options exist, their values fit."""

import re
import shlex
from pathlib import Path

import click
import pytest

from fullconv.commands.main import fullconv

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
MEASURED = re.compile(r"\d s \(|^fullconv +\d")  # rows of what a benchmark printed
PAGES = sorted([ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if p.name != "cli.md")])
STANDS_FOR = {"…": [], "DATA": ["data.yaml"]}  # words of the docs that are no words of a command line


def command_lines(page: Path) -> list[list[str]]:
    """The words of each, without comments; a line may go on after a backslash, and begin with $ or torchrun."""
    text = "\n".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    found = []
    for line in text.split("\n"):
        match = re.match(r"^(?:\$ |\w+=\S+ )*(?:torchrun .*?-m )?fullconv (.+)$", line)
        if match and not MEASURED.search(line):
            words = shlex.split(re.split(r" [<>] ", match[1])[0], comments=True)
            found.append([part for word in words for part in STANDS_FOR.get(word, [word])])
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_command_lines_of_a_page_are_taken(page):
    for words in command_lines(page):
        try:
            parse(fullconv, words)
        except click.UsageError as error:
            pytest.fail(f"{page.name}: fullconv {shlex.join(words)}: {error.format_message()}")


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """As far as the command that would run; what is done by it is not."""
    if "--help" in words or "--version" in words:
        return None
    if isinstance(command, click.Group):
        context = click.Context(command, info_name="fullconv", parent=parent, **command.context_settings)
        inner = command.get_command(context, words[0])
        assert inner is not None, f"no command {words[0]}"
        return parse(inner, words[1:], context)
    command.make_context(command.name, list(words), parent=parent)
    return None


def test_there_are_many_and_a_wrong_one_is_found():
    assert sum(len(command_lines(page)) for page in PAGES) > 40
    with pytest.raises(click.UsageError, match="No such option"):
        parse(fullconv, ["predict", "x.jpg", "--save-all"])
