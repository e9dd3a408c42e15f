"""`fullconv predict` on pictures of a stranger's: one line each, and the rest of the folder is done."""

import os
import socket
from pathlib import Path

import pytest

from tests.hostile import pictures
from tests.hostile.running import Ended, run

QUICK = ("--save", "labels", "--out", "out")
MUTANTS = 12  # of each format


def predict(folder: Path, *names: object) -> Ended:
    return run("predict", *names, *QUICK, inside=folder, seconds=60)


@pytest.mark.parametrize("name", pictures.REFUSED)
def test_one_line_tells_what_is_wrong(name, tmp_path):
    (tmp_path / name).write_bytes(pictures.REFUSED[name]())
    ended = predict(tmp_path, name)
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    ended.orderly()
    assert ended.code == 1, ended.out
    assert len(errors) == 1, ended.err
    assert name in errors[0]
    assert ended.peak < 700 << 20, ended.peak
    assert not list(tmp_path.glob("out/*.png"))


@pytest.mark.parametrize("name", pictures.ACCEPTED)
def test_what_is_strange_but_right_is_done(name, tmp_path):
    (tmp_path / name).write_bytes(pictures.ACCEPTED[name]())
    ended = predict(tmp_path, name)
    ended.orderly()
    assert ended.code == 0, ended.err
    assert len(list(tmp_path.glob("out/*_labels.png"))) == 1


@pytest.mark.parametrize("name", pictures.EITHER)
def test_done_or_refused(name, tmp_path):
    (tmp_path / name).write_bytes(pictures.EITHER[name]())
    ended = predict(tmp_path, name)
    ended.orderly()
    assert ended.peak < 700 << 20


def test_the_rest_of_the_folder_is_done(tmp_path):
    """Mutants of every format among good pictures: each is done or told of."""
    good = [f"good{i}.png" for i in range(3)]
    for name in good:
        (tmp_path / name).write_bytes(pictures.saved("PNG"))
    mutants = {f"{form}{seed}{ending}": pictures.mutated(form, seed) for form, ending in pictures.FORMS.items()
               for seed in range(MUTANTS)}  # fmt: skip
    for name, content in mutants.items():
        (tmp_path / name).write_bytes(content)
    ended = run("predict", *good, *mutants, *QUICK, inside=tmp_path, seconds=200)
    ended.orderly()
    done = {path.name.removesuffix("_labels.png") for path in tmp_path.glob("out/*_labels.png")}
    told = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert {Path(name).stem for name in good} <= done
    assert len(done) + len(told) == len(good) + len(mutants)


@pytest.mark.parametrize("limit", [1000, 1300])
def test_the_limit_is_the_users(limit, tmp_path):
    (tmp_path / "a.png").write_bytes(pictures.saved("PNG"))  # 1200 pixels
    ended = predict(tmp_path, "a.png", "--max-pixels", limit)
    ended.orderly()
    assert ended.code == (limit < 1200)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    place = os.getcwd()
    os.chdir(path.parent)  # the system allows 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(place)


def lead_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, make_socket, lead_to_device])
@pytest.mark.parametrize("named", [True, False])
def test_what_is_no_file_is_not_waited_for(make, named, tmp_path):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "b.png").write_bytes(pictures.saved("PNG"))
    ended = predict(tmp_path, "in/a.jpg", "in/b.png") if named else predict(tmp_path, "in")
    ended.orderly()
    assert ended.code == named
    assert [path.name for path in tmp_path.glob("out/*_labels.png")] == ["b_labels.png"]


def test_names_do_not_command_the_terminal(tmp_path):
    (tmp_path / "a\x07\u202e\x1b[2J\n.jpg").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(pictures.saved("PNG"))
    ended = predict(tmp_path, ".")
    ended.orderly()
    assert "a\\x07\\u202e" in ended.err
