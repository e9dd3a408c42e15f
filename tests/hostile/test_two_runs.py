"""Two processes with one --out, one of which is killed: one at a time is let in, the other says who holds the folder.
In the end the results are those of a run alone."""

import random
import re
import subprocess
import time

from tests.hostile.works import FULLCONV, OUT, environment, leftovers, photos, results

ROUNDS = 6
HELD = re.compile(r"error: out: in use by process (\d+) on [^\n]*; wait until it ends, or choose another folder\n")


def predict():
    return [*FULLCONV, "predict", "photos", "--save", "labels,masks", "--out", OUT, "--resume"]


def begin(folder):
    return subprocess.Popen(
        predict(), cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finish(folder):
    process = begin(folder)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return results(folder)


def begin_first(folder):
    """A process that holds the folder, or has ended by now."""
    lock = folder / OUT / ".fullconv.lock"
    lock.unlink(missing_ok=True)  # what a killed one left
    process = begin(folder)
    while not lock.exists() and process.poll() is None:
        time.sleep(0.01)
    return process


def test_one_at_a_time_and_a_killed_one_leaves_the_folder_to_the_next(tmp_path):
    (tmp_path / "alone").mkdir()
    photos(tmp_path / "alone")
    right, chance, refused = finish(tmp_path / "alone"), random.Random(0), 0
    photos(tmp_path)
    for _ in range(ROUNDS):
        first = begin_first(tmp_path)
        second = begin(tmp_path)
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
    assert finish(tmp_path) == right
    assert not [path for path in leftovers(tmp_path / OUT) if path.suffix != ".lock"]
