"""What writers leave where they are killed, and what a later run makes of it."""

import signal
import subprocess
import sys

import pytest

from fullconv.files import staged, sweep, write_whole

DEADLY = """
import os, sys
from pathlib import Path
from fullconv.files import write_whole
write_whole(Path(sys.argv[1]), lambda hidden: (hidden.write_text("half"), os.kill(os.getpid(), 9)))
"""


def left_by_a_killed_writer(path):
    before = set(path.parent.glob(".*"))
    command = [sys.executable, "-c", DEADLY, str(path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (hidden,) = set(path.parent.glob(".*")) - before
    assert not path.exists()
    return hidden


@pytest.mark.parametrize(
    "name", ["dog_labels.png", "dog_traffic light_red.png", "dog.json", "dog_labels.tif.aux.xml", "dog"]
)
def test_a_sweep_removes_what_was_left_of_its_targets(tmp_path, name):
    (tmp_path / "sub").mkdir()
    hidden = left_by_a_killed_writer(tmp_path / "sub" / name)
    sweep(tmp_path, [tmp_path / "dog", tmp_path / "sub" / "do"])
    assert hidden.exists()
    hidden.with_name(f"{hidden.name}-journal").touch()  # SQLite's
    sweep(tmp_path, [tmp_path / "cat", tmp_path / "sub" / "dog"])
    assert list((tmp_path / "sub").iterdir()) == []


def test_a_sweep_touches_nothing_else(tmp_path):
    kept = [
        tmp_path / name
        for name in (".dog.part", ".dog_labels.png", "dog-12.part.png", ".dog-draft.part.png", ".dog.parts", "dog.png")
    ]
    for path in kept:
        path.touch()
    sweep(tmp_path, [tmp_path / "dog"])
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_file_appears_under_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_whole(path, lambda hidden: hidden.write_text(f"{path.exists()}"))
    assert [file.name for file in path.parent.iterdir()] == ["b.txt"]
    assert path.read_text() == "False"


def test_what_a_killed_export_left_is_in_nobodys_way(tmp_path, monkeypatch):
    """In containers, processes have the same number time and again."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    with staged(tmp_path) as first, staged(tmp_path) as second:
        (first / "a").write_text("a")
        (second / "b").write_text("b")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
