"""The same run in one process and in two, as a launcher starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from fullconv.training import finishing
from fullconv.training import train as training
from fullconv.training.processes import mixed_precision
from tests.training.test_run import TINY

RECIPE = {**TINY, "batch_size": 5, "epochs": 3, "optimiser": "sgd", "lr": 0.05, "frozen_norms": True, "accumulate": 1}


def launch(processes: int, data: Path, folder: Path, **changes) -> list[dict]:
    """Trains through the launcher, gives the log. 16 pictures in batches of 5 leave one for the last batch."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, **changes}))
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "-m"] if processes > 1 else ["-m"]
    command = ["fullconv", "train", data, "--recipe", folder / "recipe.yaml", "--out", folder / "run"]
    done = subprocess.run(
        [sys.executable, *launcher, *map(str, command)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("model: ") == 1
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(disc_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "one"
    return launch(1, disc_data, folder), folder


def test_two_processes_end_where_one_does(disc_data, alone, tmp_path):
    one, folder = alone
    two = launch(2, disc_data, tmp_path / "two")
    assert [entry["epoch"] for entry in two] == [1, 2, 3]
    for ours, theirs in zip(two, one, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)
    confusions = [
        np.array(json.loads((at / "run" / "model" / "config.json").read_text())["metrics"]["val"]["confusion"])
        for at in (folder, tmp_path / "two")
    ]
    assert confusions[1].sum() == confusions[0].sum() == 4 * 64 * 80  # each picture of val once
    assert np.abs(confusions[1] - confusions[0]).max() <= 20  # pixels on the edge between two classes


def test_a_batch_in_parts_ends_where_the_whole_does(disc_data, tmp_path, monkeypatch):
    """Dice is of each part's own pixels; without it the parts add up to the whole."""
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: None)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    losses = {}
    for parts in (1, 3):
        training.train(disc_data, tmp_path / str(parts), **{**RECIPE, "dice": 0.0, "accumulate": parts})
        log = (tmp_path / str(parts) / "log.jsonl").read_text().splitlines()
        losses[parts] = [json.loads(line)["loss"] for line in log]
    assert losses[3] == pytest.approx(losses[1], abs=1e-4)


def test_precisions_by_name():
    assert [mixed_precision(name) for name in ("fp32", "bf16", "fp16")] == ["no", "bf16", "fp16"]
    assert mixed_precision("auto") in ("no", "bf16", "fp16")
