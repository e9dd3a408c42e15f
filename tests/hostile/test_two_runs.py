"""Two processes with one --out, one of which is killed: one at a time is let in, the other says who holds the folder.
In the end the results are those of a run alone."""

import random
import re
import subprocess
import time

import pytest

from tests.hostile.works import FULLCONV, OUT, TINY, environment, leftovers, photos, results, training_data

HELD = re.compile(r"error: out: in use by process (\d+) on [^\n]*; wait until it ends, or choose another folder\n")


def predict(folder):
    return [*FULLCONV, "predict", "photos", "--save", "labels,masks", "--out", OUT, "--resume"]


def train(folder):
    goes_on = (folder / OUT / "last.pt").exists()
    return [*FULLCONV, "train", *(["--resume", OUT] if goes_on else ["data.yaml", *TINY, "--out", OUT])]


CASES = [
    pytest.param(predict, photos, 6, id="predict"),
    pytest.param(train, training_data, 3, id="train", marks=pytest.mark.slow),
]


def begin(command, folder):
    return subprocess.Popen(
        command(folder), cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finish(command, folder):
    process = begin(command, folder)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return results(folder)


def begin_first(command, folder):
    """A process that holds the folder, or has ended by now."""
    lock = folder / OUT / ".fullconv.lock"
    lock.unlink(missing_ok=True)  # what a killed one left
    process = begin(command, folder)
    while not lock.exists() and process.poll() is None:
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("command", "make", "rounds"), CASES)
def test_one_at_a_time_and_a_killed_one_leaves_the_folder_to_the_next(command, make, rounds, tmp_path):
    if command is train:
        pytest.importorskip("torch")
    (tmp_path / "alone").mkdir()
    make(tmp_path / "alone")
    right, chance, refused = finish(command, tmp_path / "alone"), random.Random(0), 0
    make(tmp_path)
    for _ in range(rounds):
        first = begin_first(command, tmp_path)
        second = begin(command, tmp_path)
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0, 2))
            first.kill()
        _, err = second.communicate(timeout=300)
        if second.returncode:  # the first held it when the second came
            assert (second.returncode, int(HELD.fullmatch(err)[1])) == (1, first.pid)
            refused += 1
        first.kill()
        first.communicate(timeout=300)
    assert refused
    assert finish(command, tmp_path) == right
    assert not [path for path in leftovers(tmp_path / OUT) if path.suffix != ".lock"]
