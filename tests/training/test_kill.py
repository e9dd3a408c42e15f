"""Runs killed without warning, wherever they are, and resumed: nothing shows it in the end."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from fullconv.training import finishing
from fullconv.training import train as training
from fullconv.training.run_folder import LOG, MODEL, RECIPE, STATE
from fullconv.weights.tensors import read_tensors
from tests.training.test_run import TINY

# A process that has everything imported and starts others by forking, so that a start costs no time.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["fullconv.training.train", "torch.utils.tensorboard"])


def work(data: Path, out: Path, epochs: int, die_writing: int) -> None:
    """A run, or what is left of it; `die_writing` N: killed while the N-th file is half written."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    torch.set_num_threads(1)
    finishing.write_card_and_graph = lambda folder: None
    finishing.illustrate = lambda *_: None
    if die_writing:
        die_in_the_middle_of_writing(die_writing)
    resume = (out / RECIPE).exists() and (out / STATE).exists()
    training.train(data, out, resume=resume, **({} if resume else {**TINY, "epochs": epochs}))


def die_in_the_middle_of_writing(number: int) -> None:
    real, written = os.replace, 0

    def replace(source, target):
        nonlocal written
        written += 1
        if written == number:
            content = Path(source).read_bytes()
            Path(source).write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        real(source, target)

    os.replace = replace


def start(data: Path, out: Path, epochs: int, die_writing: int = 0):
    process = SERVER.Process(target=work, args=(data, out, epochs, die_writing))
    process.start()
    return process


def finish(data: Path, out: Path, epochs: int) -> None:
    process = start(data, out, epochs)
    process.join()
    assert process.exitcode == 0


def assert_alike(ours: Path, theirs: Path) -> None:
    assert (ours / LOG).read_text() == (theirs / LOG).read_text()
    a, b = (read_tensors(out / MODEL / "model.safetensors") for out in (ours, theirs))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 9])
def test_killed_in_the_middle_of_writing(disc_data, undisturbed, tmp_path, number):
    """The files of a run, in their order: recipe, first state, then parameters, config, state and log of each epoch."""
    process = start(disc_data, tmp_path, 3, die_writing=number)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    finish(disc_data, tmp_path, 3)
    assert not list(tmp_path.rglob(".*"))
    assert_alike(tmp_path, undisturbed(3))


@pytest.mark.slow
def test_killed_twenty_times_at_random(disc_data, undisturbed, tmp_path):
    epochs, chance = 60, random.Random(7)
    duration = timed(lambda: undisturbed(epochs))
    kills = 0
    while kills < 20:
        process = start(disc_data, tmp_path, epochs)
        process.join(chance.uniform(0, duration / 8))
        if process.exitcode is not None:
            break
        process.kill()
        process.join()
        kills += 1
    assert kills >= 15
    finish(disc_data, tmp_path, epochs)
    assert not list(tmp_path.rglob(".*"))
    assert_alike(tmp_path, undisturbed(epochs))


def timed(call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@pytest.fixture(scope="module")
def undisturbed(disc_data, tmp_path_factory):
    """epochs → the folder of a run that nobody stopped."""
    done: dict[int, Path] = {}

    def of(epochs: int) -> Path:
        if epochs not in done:
            done[epochs] = tmp_path_factory.mktemp("undisturbed")
            finish(disc_data, done[epochs], epochs)
        return done[epochs]

    return of
