"""What writers leave where they are killed, what a later run makes of it, and which files a folder has."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fullconv.errors import FullconvError
from fullconv.files import files_under, path_of, staged, sweep, write_alone, write_whole

DEADLY = """
import os, sys
from pathlib import Path
from fullconv.files import write_whole
write_whole(Path(sys.argv[1]), lambda hidden: (hidden.write_text("half"), os.kill(os.getpid(), 9)))
"""
LIVING = """
import sys
from pathlib import Path
from fullconv.files import write_whole
write_whole(Path(sys.argv[1]), lambda hidden: (print("begun", flush=True), input(), hidden.write_text("whole")))
"""
FORKING = """
import os, sys, time
from pathlib import Path
from fullconv.files import whole
with whole(Path(sys.argv[1])):
    worker = os.fork()
    if not worker:
        print(os.getpid(), flush=True)
        os.close(1)
        os.kill(os.getppid(), 9)
    time.sleep(60)
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


@pytest.mark.parametrize("stem", ["d" * 95, "d" * 106, "d" * 236, "日" * 78])
@pytest.mark.parametrize("ending", ["_labels.png", ".gpkg", "_labels.tif.aux.xml"])
def test_a_name_that_fits_can_be_written_and_what_is_left_of_it_swept(tmp_path, stem, ending):
    write_whole(tmp_path / f"{stem}{ending}", lambda hidden: hidden.write_text("whole"))
    (tmp_path / f"{stem}{ending}").unlink()
    hidden = left_by_a_killed_writer(tmp_path / f"{stem}{ending}")
    assert len(os.fsencode(hidden.name)) <= 143 - len("-journal")
    sweep(tmp_path, [tmp_path / "d", tmp_path / "dd_labels"])
    assert hidden.exists()
    sweep(tmp_path, [tmp_path / "cat", tmp_path / stem])
    assert not hidden.exists()
    write_alone(tmp_path / f"{stem}{ending}", lambda hidden: hidden.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == [f"{stem}{ending}"]


def test_a_sweep_takes_targets_in_the_current_folder(tmp_path, monkeypatch):
    hidden = left_by_a_killed_writer(tmp_path / "dog_labels.png")
    monkeypatch.chdir(tmp_path)
    sweep(Path(), [Path("dog")])
    assert not hidden.exists()


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


def test_files_of_a_killed_export_do_no_harm(tmp_path, monkeypatch):
    """In containers, processes have the same number time and again."""
    monkeypatch.setattr("os.getpid", lambda: 1)
    with staged(tmp_path) as first, staged(tmp_path) as second:
        (first / "a").write_text("a")
        (second / "b").write_text("b")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_an_export_removes_files_of_killed_processes_only(tmp_path):
    left = tmp_path / ".new-0123abcd.part"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "model.bin").touch()
    with staged(tmp_path) as living, staged(tmp_path):
        assert living.is_dir()
        assert not left.exists()


@pytest.mark.parametrize("remove", [lambda path: sweep(path.parent), lambda path: sweep(path.parent, [path])])
def test_a_sweep_removes_no_file_of_a_running_process(tmp_path, remove):
    path = tmp_path / "dog"
    dead = left_by_a_killed_writer(path)
    command = [sys.executable, "-c", LIVING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "begun\n"
        journal = next(hidden for hidden in tmp_path.glob(".*") if hidden != dead)
        journal.with_name(f"{journal.name}-journal").touch()
        remove(path)
        assert not dead.exists()
        assert len(list(tmp_path.glob(".*"))) == 2
        writer.communicate("\n")
    assert path.read_text() == "whole"
    remove(path)
    assert list(tmp_path.iterdir()) == [path]


def test_writing_a_file_removes_what_a_killed_command_left_of_it(tmp_path):
    left, other = left_by_a_killed_writer(tmp_path / "a.svg"), left_by_a_killed_writer(tmp_path / "a.b.svg")
    write_alone(tmp_path / "a.svg", lambda hidden: hidden.write_text("whole"))
    assert (left.exists(), other.exists()) == (False, True)


def test_a_worker_that_outlives_its_parent_holds_nothing(tmp_path):
    path = tmp_path / "dog"
    command = [sys.executable, "-c", FORKING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        worker = int(writer.stdout.readline())
        writer.wait()
        try:
            sweep(tmp_path)
            assert list(tmp_path.iterdir()) == []
        finally:
            os.kill(worker, signal.SIGKILL)


def test_staged_files_replace_all_old_ones_together(tmp_path, monkeypatch):
    """As a process does that is killed after the first of them has its name."""
    for name in ("model.bin", "model.xml"):
        (tmp_path / name).write_text("old")
    real, moved = os.replace, []
    monkeypatch.setattr("os.replace", lambda a, b: [real, killed][len(moved)](a, moved.append(b) or b))
    with pytest.raises(KeyboardInterrupt), staged(tmp_path) as hidden:  # noqa: PT012  both files come first
        for name in ("model.bin", "model.xml"):
            (hidden / name).write_text("new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("model.bin", "new")]


def killed(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("given", ["a", Path("a")])
def test_a_path_given_may_be_a_string(given):
    assert path_of("data", given) == Path("a")


@pytest.mark.parametrize(("given", "kind"), [(None, "None"), (3, "of type int"), (b"a", "of type bytes")])
def test_a_value_that_is_not_a_path_is_named(given, kind):
    with pytest.raises(FullconvError, match=f"data: give a string or a path, not {kind}"):
        path_of("data", given)


def found_in(folder):
    """(files, errors of folders), both relative."""
    errors = []
    files = files_under(folder, lambda place, error: errors.append(str(error)))
    found = sorted(path.relative_to(folder).as_posix() for path in files)
    return found, [error.removeprefix(f"{folder}/") for error in errors]


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_hidden_files_and_those_of_systems_are_left_out(tmp_path):
    hidden = [".ipynb_checkpoints/a.jpg", "sub/.git/b.jpg", "__MACOSX/._c.jpg", "__MACOSX/c.jpg", "._d.jpg"]
    touch(tmp_path, "a.jpg", "sub/b.jpg", *hidden, "@eaDir/a.jpg/THUMB.jpg", "lost+found/e.jpg", "$RECYCLE.BIN/f.jpg")
    assert found_in(tmp_path) == (["a.jpg", "sub/b.jpg"], [])


def test_a_hidden_folder_that_is_named_is_read(tmp_path):
    touch(tmp_path, ".cache/sub/a.jpg")
    assert found_in(tmp_path / ".cache") == (["sub/a.jpg"], [])


def test_links_that_lead_nowhere_are_files_or_reported(tmp_path):
    touch(tmp_path, "a.jpg")
    for name in ("gone.jpg", "gone"):
        (tmp_path / name).symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    found, errors = found_in(tmp_path)
    assert found == ["a.jpg", "gone.jpg"]
    assert errors == ["gone: a link to nowhere (No such file or directory); mend or remove it"]
    with pytest.raises(FullconvError, match="gone: a link to nowhere"):
        list(files_under(tmp_path))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_folders_that_cannot_be_read_are_reported(tmp_path, monkeypatch, number):
    touch(tmp_path, "a.jpg", "locked/b.jpg", "sub/c.jpg")
    scan = os.scandir

    def refuse(place):
        if str(place).endswith("locked"):
            raise OSError(number, os.strerror(number))
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    reason = f"locked: cannot be read ({os.strerror(number)}); check its permissions and its disk"
    assert found_in(tmp_path) == (["a.jpg", "sub/c.jpg"], [reason])
    with pytest.raises(FullconvError, match="locked: cannot be read"):
        list(files_under(tmp_path))


def test_a_link_into_a_place_that_may_not_be_entered_hides_nothing_else(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "secret/b.jpg")
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).symlink_to("secret/b.jpg")
    look = Path.stat

    def refuse(path, **how):
        if path.name == "1.jpg" and how.get("follow_symlinks", True):
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", refuse)
    assert found_in(tmp_path) == (["1.jpg", "2.jpg", "a.jpg", "secret/b.jpg"], [])
