"""One process at a time in a folder, whatever becomes of that process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fullconv.errors import FullconvError
from fullconv.locks import NAME, locked

HOLDER = """
import multiprocessing, sys, time
from pathlib import Path
from fullconv.locks import locked
with locked(Path(sys.argv[1])):
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path / "run", and a worker forked from it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "run"], stdout=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_folder_in_use_is_refused_with_its_holder(holder, tmp_path):
    with (
        pytest.raises(FullconvError, match=rf"run: in use by process {holder.pid} on .*; wait"),
        locked(tmp_path / "run"),
    ):
        pytest.fail("it is held")


def test_the_lock_ends_with_its_process_even_if_a_worker_survives(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    time.sleep(0.1)
    assert (tmp_path / "run" / NAME).is_file()
    with locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / NAME).exists()


def test_it_is_held_once_in_a_process_too(tmp_path):
    with locked(tmp_path), pytest.raises(FullconvError, match="in use"), locked(tmp_path):
        pytest.fail("it is held")
    with locked(tmp_path):
        pass


def test_the_lock_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "made"):
        raise ZeroDivisionError
    assert not (tmp_path / "made").exists()
    with locked(tmp_path / "made" / "deeper" / "run"):
        pass
    assert not (tmp_path / "made").exists()
    with locked(tmp_path / "made"):
        (tmp_path / "made" / "result").touch()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["result"]
    (tmp_path / "empty").mkdir()
    with locked(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()


def test_an_impossible_folder_gives_a_one_line_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FullconvError, match="file: cannot be written"), locked(tmp_path / "file"):
        pytest.fail("no folder")
