"""Two processes with one --out, one of which is killed: one at a time is let in, the other says who holds the folder.
In the end the results are those of a run alone."""

import random
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.works import (
    FULLCONV,
    OUT,
    TINY,
    environment,
    leftovers,
    photos,
    results,
    training_data,
)  # fmt: skip

HELD = re.compile(r"error: out: in use by process (\d+) on [^\n]*; wait until it ends, or choose another folder\n")


@dataclass(frozen=True)
class Command:
    """`make` writes the inputs into a folder; once the file `begun` exists, `resume` continues what `start` began."""

    make: Callable[[Path], None]
    start: tuple[str, ...]
    resume: tuple[str, ...]
    begun: str
    rounds: int

    def begin(self, folder):
        has_begun = (folder / OUT / self.begun).exists()
        return subprocess.Popen(
            [*FULLCONV, *(self.resume if has_begun else self.start)], cwd=folder, env=environment(folder),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def begin_first(self, folder):
        """A process that holds the folder and has begun, or has ended by now."""
        lock = folder / OUT / ".fullconv.lock"
        lock.unlink(missing_ok=True)  # what a killed one left
        process = self.begin(folder)
        while process.poll() is None and not (lock.exists() and (folder / OUT / self.begun).exists()):
            time.sleep(0.01)
        return process

    def finish(self, folder):
        process = self.begin(folder)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return results(folder)


PREDICT = ("predict", "photos", "--save", "labels,masks", "--out", OUT)
COMMANDS = {
    "predict": Command(photos, (*PREDICT, "--resume"), (*PREDICT, "--resume"), ".fullconv.lock", rounds=6),
    "train": Command(
        training_data, ("train", "data.yaml", *TINY, "--out", OUT), ("train", "--resume", OUT), "last.pt", rounds=3
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_one_at_a_time_and_a_killed_one_leaves_the_folder_to_the_next(name, tmp_path):
    if name == "train":
        pytest.importorskip("torch")
    command, chance, refused = COMMANDS[name], random.Random(0), 0
    (tmp_path / "alone").mkdir()
    command.make(tmp_path / "alone")
    right = command.finish(tmp_path / "alone")
    command.make(tmp_path)
    for _ in range(command.rounds):
        first = command.begin_first(tmp_path)
        second = command.begin(tmp_path)
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
    assert command.finish(tmp_path) == right
    assert not [path for path in leftovers(tmp_path / OUT) if path.suffix != ".lock"]
