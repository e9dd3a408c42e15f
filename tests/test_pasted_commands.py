"""Commands in messages can be pasted: every path in them is quoted."""

import ast
import re
from pathlib import Path

import pytest

from fullconv import errors
from fullconv.commands.train import results, said_how_to_go_on
from fullconv.errors import argument, messages_with_flags
from fullconv.serving import site
from fullconv.training.earlier_runs import refuse_run_in
from fullconv.words import pasted

SOURCE = Path(errors.__file__).parent
VALUE = "\N{OBJECT REPLACEMENT CHARACTER}"
PATH_OPTIONS = "resume|from|model|weights|teacher|out|sheet|data|recipe|labels|outside"
COMMAND = re.compile(rf"(\bfullconv [a-z]+ |\blabelme |--({PATH_OPTIONS}) |http\.server -d |_ROOT=)$")


def values_in_commands(tree):
    """Yields the code of each value that follows a command or an option with a path in an f-string."""
    for text in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        before = ""
        for part in text.values:
            if isinstance(part, ast.Constant):
                before += part.value
                continue
            if COMMAND.search(before):
                yield ast.unparse(part.value)
            before += VALUE


def test_every_path_in_a_command_is_quoted():
    found = {
        f"{path.relative_to(SOURCE)}: {code}": code
        for path in SOURCE.rglob("*.py")
        for code in values_in_commands(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert len(found) > 15
    assert [place for place, code in found.items() if not code.startswith(("pasted(", "shlex.quote("))] == []


def test_a_value_that_is_not_quoted_is_found():
    tree = ast.parse('f"{out}: run fullconv train --from {out}"; f"see {out}"; f"fullconv check {pasted(out)}"')
    assert list(values_in_commands(tree)) == ["out", "pasted(out)"]


def test_paths_with_blanks_are_quoted_and_others_are_plain(tmp_path):
    assert pasted(Path("runs/nuc é")) == "'runs/nuc é'"
    assert pasted("runs/first") == "runs/first"
    with messages_with_flags():
        assert argument("teacher", "runs/a b") == "--teacher 'runs/a b'"


def test_a_run_in_a_folder_with_blanks_says_how_to_go_on(tmp_path):
    run = tmp_path / "my run"
    run.mkdir()
    (run / "log.jsonl").touch()
    with pytest.raises(errors.FullconvError, match=rf"continue with --resume '{run}'$"):
        refuse_run_in(run)
    assert f"to repeat one: fullconv train --from '{run}/fold1'" in list(results(run, run))


def test_a_stopped_run_names_its_folder(tmp_path):
    run = tmp_path / "my run"
    run.mkdir()
    for begun, words in ((False, "run the command again"), (True, f"continue with --resume '{run}'")):
        if begun:
            (run / "manifest.json").touch()
        with pytest.raises(KeyboardInterrupt) as stop, said_how_to_go_on(run):
            raise KeyboardInterrupt
        assert stop.value.__notes__ == [words]


def test_a_model_without_a_graph_is_exported_by_the_command_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "check_graph", None)
    config = type("Config", (), {"channels": 3})
    with pytest.raises(errors.FullconvError, match=rf"run `fullconv export '{tmp_path}/a b'`"):
        site.check_model(config, tmp_path / "a b")
