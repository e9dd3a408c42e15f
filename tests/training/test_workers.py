"""Workers that read pictures end with the process that trains, however it dies."""

import os
import signal
import subprocess
import sys
import time

import pytest

CODE = """
import multiprocessing, os, sys, time
from fullconv.training.processes import end_with_parent

def work():
    end_with_parent(0)
    print(os.getpid(), flush=True)
    time.sleep(100)

if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_worker_ends_when_the_process_that_trains_is_killed(method, tmp_path):
    (tmp_path / "code.py").write_text(CODE)
    command = [sys.executable, tmp_path / "code.py", method]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        process.kill()
        process.wait()
    end = time.monotonic() + 60
    while is_alive(worker) and time.monotonic() < end:
        time.sleep(0.05)
    if is_alive(worker):
        os.kill(worker, signal.SIGKILL)
        pytest.fail("the worker lives on")


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as file:
        return ") Z " not in file.read()
