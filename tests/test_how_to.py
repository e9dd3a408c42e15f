"""The pages in docs/how-to/ do what they say: their changes are made in a copy of the source, and their code is run.

A block's title is the file that it is about. A Python block with a title is that file, and a block of changes alters
it. Python without a title runs with all of them, from top to bottom.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))


class Block(NamedTuple):
    language: str
    title: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text())]


def change(path: Path, changes: str) -> None:
    """Lines that begin with + come in, those with - go; the lines around them, which `@@` parts, say where."""
    text = path.read_text()
    for hunk in changes.split("@@\n"):
        lines = hunk.splitlines()
        before, after = ("\n".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert text.count(before) == 1, f"{path}: these lines are not there, or not once:\n{before}"
        text = text.replace(before, after)
    path.write_text(text)


@pytest.fixture
def copy(tmp_path, disc_data):
    """The source, to be changed, and what the pages speak of."""
    leave = shutil.ignore_patterns("bundled", "__pycache__")
    shutil.copytree(ROOT / "src" / "fullconv", tmp_path / "src" / "fullconv", ignore=leave)
    (tmp_path / "src" / "fullconv" / "bundled").symlink_to(ROOT / "src" / "fullconv" / "bundled")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(disc_data.parent, tmp_path / "discs")
    return tmp_path


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if "architecture" in page.name else [])
        for page in PAGES
    ],
)
def test_the_code_of_a_page_runs(page, copy):
    blocks = blocks_of(page)
    for block in (block for block in blocks if block.title):
        if block.language == "diff":
            change(copy / block.title, block.text)
        else:
            assert not (copy / block.title).exists()
            (copy / block.title).write_text(block.text)
    script = "\n".join(block.text for block in blocks if block.language == "python" and not block.title)
    assert "assert " in script
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_files_of_a_page_pass_the_projects_lint(page, tmp_path):
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.is_file():
        pytest.skip("ruff is not installed")
    for block in blocks_of(page):
        if block.language == "python" and block.title:
            path = tmp_path / Path(block.title).name
            path.write_text(block.text)
            for check in (["check"], ["format", "--check"]):
                command = [ruff, *check, "--config", ROOT / "pyproject.toml", path]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_that_does_not_fit_is_found(tmp_path):
    path = tmp_path / "file.py"
    path.write_text("a\nb\nc\n")
    change(path, " a\n+new\n b\n")
    assert path.read_text() == "a\nnew\nb\nc\n"
    with pytest.raises(AssertionError, match="not there"):
        change(path, " a\n+new\n b\n")
