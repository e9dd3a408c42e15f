"""What scripts rely on: --json, --quiet, exit codes, settings from the environment."""

import json
import os
import subprocess
import sys

import pytest

from tests.commands.shell import COMMAND
from tests.commands.test_environment import options
from tests.conftest import EXAMPLES

PHOTO = str(EXAMPLES / "chelsea.jpg")


def shell(*arguments, **environment):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_json_in_a_file_and_on_standard_output_is_the_same_document(tmp_path):
    predicted = shell("predict", PHOTO, "--out", tmp_path, "--json", "-")
    beside = shell("predict", PHOTO, "--out", tmp_path, "--json", tmp_path / "r.json")
    one, other = json.loads(predicted.stdout), json.loads((tmp_path / "r.json").read_text())
    for document in (one, other):
        (row,) = document["results"]
        assert (document["version"], row.pop("seconds") > 0, row["width"]) == (1, True, 451)
    assert one == other
    assert "cat" in beside.stdout  # the table as well
    assert "1 picture" not in predicted.stdout


def test_a_picture_is_never_taken_for_the_json_file(tmp_path):
    result = shell("predict", "--out", tmp_path, "--json", PHOTO)
    assert (result.returncode, result.stdout) == (2, "")
    assert "give a file that ends in .json, or - to print" in result.stderr


def test_a_json_file_that_cannot_be_written_gives_a_one_line_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = shell("models", "--json", tmp_path / "file" / "r.json")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {tmp_path}/file/r.json: cannot be written (")
    assert result.stderr.count("\n") == 1


def test_quiet_still_prints_errors(tmp_path):
    assert shell("predict", PHOTO, "--out", tmp_path, "--quiet").stdout == ""
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    failed = shell("predict", PHOTO, tmp_path / "bad.jpg", "--out", tmp_path, "-q")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert "error: " in failed.stderr


@pytest.mark.slow
def test_a_quiet_training_prints_nothing(disc_data, tmp_path):
    pytest.importorskip("torch")
    short = ["--epochs", "1", "--crop-size", "64", "--batch-size", "8", "--workers", "0", "--track", "none"]
    done = shell("train", disc_data, "--out", tmp_path / "run", *short, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    refused = shell("train", disc_data, "--out", tmp_path / "run", *short, "-q")
    assert refused.stderr.startswith(f"error: {tmp_path}/run: already contains a run")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["predicct", PHOTO], 2),
        (["predict", PHOTO, "--savee", "labels"], 2),
        (["predict", PHOTO, "--engine", "banana"], 2),
        (["evaluate", "nowhere"], 1),
        (["predict", "nowhere"], 1),
        (["check", "nowhere"], 1),
        (["train", "nowhere"], 1),
        (["predict", PHOTO, "--classes", "caat"], 1),
        (["predict", PHOTO, "--background", "nowhere.jpg"], 1),
        (["train", ".", "--recipe", "wrong.yaml"], 1),
        (["predict", PHOTO, "--save", "lables"], 2),
        (["predict", PHOTO, "--device", "foo"], 2),
        (["predict", PHOTO, "--tile", "foo"], 2),
        (["predict", PHOTO, "--tile", "33"], 2),
        (["predict", PHOTO, "--tile", "64", "--halo", "foo"], 2),
        (["predict", PHOTO, "--memory", "x"], 2),
        (["predict", PHOTO, "--range", "1"], 2),
        (["predict", PHOTO, "--bands", "0"], 2),
        (["predict", PHOTO, "--model", "hf://foo"], 2),
        (["train", "nowhere", "--arch", "fcn9s"], 2),
        (["train", "nowhere", "--track", "foo"], 2),
        (["train", "nowhere", "--time", "soon"], 2),
        (["convert", "caffe", "nowhere", "--net", "voc-fcn9s", "--out", "new"], 2),
        (["explain", "architecture", "--published", "foo", "--out", "x.png"], 2),
        (["explain", "architecture", "--out", "x.foo"], 2),
        (["evaluate", "nowhere", "--report", "x.foo"], 2),
        (["check", "nowhere", "--sheet", "x.foo"], 2),
        (["serve", "--formats", "foo"], 2),
        (["serve", "--label-studio", "foo"], 2),
        (["download", "nosuch"], 2),
        (["bench", "--size", "3"], 2),
    ],
)
def test_exit_codes(arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.yaml").write_text("arch: fcn9s\n")
    done = shell(*arguments)
    assert done.returncode == code, done.stderr
    assert "error: " in done.stderr.lower()


def test_options_can_be_set_in_the_environment(tmp_path):
    result = shell("predict", PHOTO, FULLCONV_PREDICT_OUT=str(tmp_path / "from_environment"), FULLCONV_VERSION="3")
    assert result.returncode == 0
    assert (tmp_path / "from_environment" / "chelsea_labels.png").is_file()


def test_shells_can_complete_commands():
    asked = {"_FULLCONV_COMPLETE": "bash_complete", "COMP_WORDS": "fullconv pre", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['fullconv']; from fullconv.commands.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env=os.environ | asked)  # fmt: skip
    assert done.stdout == "plain,predict\n"


@pytest.mark.parametrize("command", ["train", "check", "evaluate", "label"])
def test_an_empty_path_is_not_the_current_folder(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = shell(command, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is empty; give a path" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_end_of_a_command_collects_nothing():
    """After a training, Python would spend three seconds on a million objects."""
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 10_000))\n"
        "sys.argv = ['fullconv', '--version']\n"
        "from fullconv.commands.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_short_options_are_the_same_everywhere():
    """-o, -m and -q in every command that has --out, --model and --quiet, also in those of `explain`."""
    short = {"--out": "-o", "--model": "-m", "--quiet": "-q"}
    lacking = [(words, long) for words, _, option in options() for long in short
               if long in option.opts and short[long] not in option.opts]  # fmt: skip
    assert lacking == []
    quiet = [words for words, _, option in options() if "--quiet" in option.opts]
    assert quiet == list(dict.fromkeys(words for words, _, _ in options()))


@pytest.mark.parametrize("words", [["explain", "-q", "ladder"], ["explain", "ladder", "-q"]])
def test_figures_can_be_quiet(words, tmp_path):
    pytest.importorskip("matplotlib")
    done = shell(*words, PHOTO, "--models", "photos", "-o", tmp_path / "x.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
