"""The manual is the code's."""

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from fullconv.commands.main import COMMANDS, fullconv
from fullconv.training.recipe import Recipe

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "fullconv"


def test_cli_reference_is_current():
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    make_cli = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_cli)
    assert make_cli.CLI.read_text() == make_cli.reference(), "run make docs"


def test_the_page_of_recipe_keys_is_current_and_names_every_key():
    spec = importlib.util.spec_from_file_location("make_recipe", ROOT / "docs" / "make_recipe.py")
    make_recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_recipe)
    page = make_recipe.PAGE.read_text()
    assert page == make_recipe.reference(), "run make docs"
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == {key.name for key in fields(Recipe)}


def test_the_site_has_every_page_and_no_link_leads_nowhere(tmp_path):
    """Strictly, as `make docs` builds it."""
    zensical = Path(sys.executable).parent / "zensical"
    if not zensical.is_file():
        pytest.skip("zensical is not installed")
    for name in ("docs", "zensical.toml"):
        shutil.copytree(ROOT / name, tmp_path / name) if name == "docs" else shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run([zensical, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    named = set(re.findall(r'= "([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert named == {page for page in pages if not page.startswith("decisions/")}


def test_every_command_has_a_file_and_every_file_a_command():
    files = {path.stem for path in (PACKAGE / "commands").glob("*.py")}
    files -= {"__init__", "main", "shared_options", "terminal", "progress", "stopping", "json_output", "disk", "paths",
              "environment"}  # fmt: skip
    assert files == set(COMMANDS)
    for name in COMMANDS:
        assert fullconv.get_command(None, name).help


def test_the_readme_tree_names_every_file():
    readme = (ROOT / "README.md").read_text()
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__init__.py":
            assert re.search(rf"\b{re.escape(path.name)}\b", readme), f"README's tree lacks {path.relative_to(PACKAGE)}"


def test_version_is_the_changelogs():
    from fullconv import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_file_names_a_registry_address_or_a_path_of_one_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    forbidden = re.compile("|".join(["/work" + "/", "/ro" + "ot/", "py" + "pi.org", "files.python" + "hosted"]))
    for name in tracked:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".json", "") and path.is_file():
            assert not forbidden.search(path.read_text(errors="ignore")), name
