"""Lengths, from the command to the recipe: fitted, limited in time, made longer."""

import json
import re
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fullconv.classes import Classes
from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from fullconv.prediction.predictor import load
from fullconv.training import finishing, fitting, loop, run, trial
from fullconv.training import train as training
from fullconv.training.manifest import Sources
from fullconv.training.recipe import Recipe
from fullconv.training.trial import Pace
from tests.discs import draw_photo
from tests.training.test_run import TINY, parameters, same

FREE = {key: value for key, value in TINY.items() if key not in ("batch_size", "crop_size", "lr")}


@pytest.fixture(autouse=True)
def model_only(monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *arguments: None)


def history(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def recipe(out):
    return json.loads((out / "recipe.json").read_text())


def test_a_time_is_measured_and_becomes_a_number_of_steps(disc_data, tmp_path, said, monkeypatch):
    """Measured for real; then the numbers are those of a machine that nobody else uses."""
    out, real, measured = tmp_path / "run", fitting.measure, []
    monkeypatch.setattr(fitting, "measure", lambda *a: measured.append(real(*a)) or Pace(4.0, 20.0, 30.0))
    training.train(disc_data, out, time="10m", **FREE)
    assert all(seconds > 0 for seconds in (measured[0].step, measured[0].epoch, measured[0].end))
    assert "trial:" in said.text
    chosen = recipe(out)
    assert (chosen["batch_size"], chosen["crop_size"], chosen["lr"]) == (4, 96, 5e-4)
    assert len(history(out)) == chosen["epochs"] >= 3
    assert chosen["repeat"] > 1
    assert not list(out.glob(".*"))
    training.train(disc_data, tmp_path / "again", repeats=out)
    assert same(parameters(out / "model"), parameters(tmp_path / "again" / "model"))


def test_the_trial_reads_as_the_run_does(disc_data, tmp_path, monkeypatch):
    """While its steps are measured, there is more to read, and the end of the reading counts."""
    real, left, measured = run.load_epoch, [], []

    def loading(*arguments):
        rest = iter(real(*arguments))
        try:
            for batch in rest:  # noqa: UP028  (`yield from` would close it)
                yield batch
        finally:
            sleep(1)
            left.append(sum(1 for _ in rest))

    def measuring(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(run, "load_epoch", loading)
            measured.append(fitting_measure(*arguments))
        return Pace(4.0, 20.0, 30.0)

    fitting_measure = fitting.measure
    monkeypatch.setattr(fitting, "measure", measuring)
    training.train(disc_data, tmp_path / "run", time="10m", **FREE)
    assert left[0] >= 16  # as many as eight processes read ahead
    assert 1 < measured[0].epoch < 10


NEW = ["ground", "roof"]
OURS = {"arch": "fcn4s", "trunk": "tf_efficientnet_lite1"}  # of the bundled model


@pytest.mark.parametrize(
    ("keys", "weights", "names", "expected"),
    [
        (OURS, "photos", NEW, True),
        ({**OURS, "arch": "fcn32s"}, "photos", NEW, True),
        (OURS, "photos", None, False),  # its own classes: the scores are taken over
        ({**OURS, "trunk": "tf_efficientnet_lite0"}, "photos", NEW, False),  # nothing fits this trunk
        ({**OURS, "pretrained": True}, None, NEW, True),
        (OURS, None, NEW, False),
        ({"arch": "unet-classic"}, "photos", NEW, False),
        ({"arch": "voc-fcn8s"}, None, NEW, False),
    ],
)
def test_scores_are_new_over_a_trained_trunk_of_other_classes(keys, weights, names, expected):
    classes = Classes.named(names) if names else load("photos").classes
    prepared = SimpleNamespace(dataset=SimpleNamespace(classes=classes))
    sources = Sources(Path("data"), weights=weights and Path(weights))
    assert fitting.has_new_scores(Recipe(**keys), prepared, sources) == expected


def test_without_time_and_epochs_the_length_fits_the_pictures(disc_data, tmp_path, said, monkeypatch):
    monkeypatch.setattr(fitting, "steps_for", lambda *arguments: 40)
    training.train(disc_data, tmp_path / "run", **FREE)
    chosen = recipe(tmp_path / "run")
    assert (chosen["epochs"], chosen["repeat"], chosen["batch_size"], chosen["patience"]) == (20, 0.5, 4, 10)
    assert "ends early after 10 evaluations without improvement" in said.text
    assert re.search(r"the encoder learns at [\d.]+ times that rate; precision (bf16|fp32);", said.text)


@pytest.fixture
def scenes(tmp_path):
    """A bare folder of GeoTIFFs beside masks."""
    rasterio = pytest.importorskip("rasterio")
    (tmp_path / "scenes" / "images").mkdir(parents=True)
    (tmp_path / "scenes" / "masks").mkdir()
    for i in range(6):
        image, mask = draw_photo((96, 128), i)
        profile = {"driver": "GTiff", "height": mask.shape[0], "width": mask.shape[1], "count": 3, "dtype": "uint8"}
        where = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 5e5 + 1000 * i, 0, -0.5, 5e6)}
        with rasterio.open(tmp_path / "scenes" / "images" / f"{i}.tif", "w", **profile, **where) as raster:
            raster.write(np.moveaxis(image, 2, 0))
        Image.fromarray(mask).save(tmp_path / "scenes" / "masks" / f"{i}.png")
    return tmp_path / "scenes"


def test_pictures_that_lie_on_the_ground_are_turned_unless_asked_otherwise(scenes, tmp_path, said):
    training.train(scenes, tmp_path / "run", **{**TINY, "epochs": 1})
    assert recipe(tmp_path / "run")["turn"] == 0.75
    assert "turn 0.75: seen from above" in said.text
    training.train(scenes, tmp_path / "other", **{**TINY, "epochs": 1}, turn=0.0)
    assert recipe(tmp_path / "other")["turn"] == 0


def test_a_time_limit_that_is_nearly_over_is_refused(disc_data, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "measure", lambda *arguments: Pace(1.0, 1.0, 100.0))
    with pytest.raises(FullconvError, match="the time is too short"):
        training.train(disc_data, tmp_path / "run", time="60s", **TINY)


def lasting(module, name, seconds, clock, monkeypatch):
    """Makes this part of the trial take so long by the clock, and counts its calls."""
    real, calls = getattr(module, name), []

    def slow(*arguments):
        calls.append(arguments)
        clock[0] += seconds
        return real(*arguments)

    monkeypatch.setattr(module, name, slow)
    return calls


@pytest.mark.parametrize(
    ("step", "evaluation", "counts", "words"),
    [
        (10, 1, (2, 0, 0), "has taken 20 s, and more than 130 s are still needed; give at least time='5m'"),
        (1, 30, (12, 1, 0), "has taken 42 s, and more than 93 s are still needed; give at least time='4m'"),
        (1, 1, (12, 1, 1), "took 113 s, and scoring and writing alone take about 106 s more"),
    ],
)
def test_the_trial_gives_up_as_soon_as_the_run_cannot_fit(
    disc_data, tmp_path, monkeypatch, step, evaluation, counts, words
):
    clock = [0.0]
    for module in (trial, fitting):
        monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    parts = ((loop, "train_step", step), (trial, "validate", evaluation), (finishing, "complete_run", 100))
    monkeypatch.setattr(finishing, "complete_run", lambda *arguments: None)
    calls = [lasting(module, name, seconds, clock, monkeypatch) for module, name, seconds in parts]
    with pytest.raises(FullconvError, match=f"the time is too short: the trial {words}"):
        training.train(disc_data, tmp_path / "run", time="2m", **FREE)
    assert tuple(map(len, calls)) == counts
    assert not list((tmp_path / "run").glob(".*"))


def test_a_time_that_is_over_before_the_trial_is_refused(disc_data, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "measure", None)
    with pytest.raises(FullconvError, match="reading the pictures already took all of it; make time several"):
        training.train(disc_data, tmp_path / "run", time="20s", began=monotonic() - 60, **FREE)


@pytest.mark.parametrize("more", [["--epochs", "3"], ["--resume", "runs/x"], ["--from", "runs/x"]])
def test_a_time_limit_with_another_length_is_refused(disc_data, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(fullconv, ["train", str(disc_data), "--time", "1m", *more])
    assert result.exit_code != 0


def test_a_time_limit_of_an_earlier_run_names_the_argument_that_lengthens_it():
    with pytest.raises(FullconvError, match="only for new runs; give epochs to train an earlier one for longer"):
        fitting.deadline("1m", None, {}, is_earlier=True)


def test_a_lengthened_run_ends_like_the_longer_one(disc_data, tmp_path, monkeypatch):
    """With a constant learning rate nothing but the number of epochs tells the two apart."""
    steady = {**TINY, "schedule": "constant", "warm_up": 0.0}
    whole, out = tmp_path / "whole", tmp_path / "run"
    training.train(disc_data, whole, **steady, epochs=4)
    training.train(disc_data, out, **steady, epochs=2)
    training.train(disc_data, out, resume=True, epochs=4)
    assert recipe(out)["epochs"] == 4
    assert [entry["loss"] for entry in history(out)] == [entry["loss"] for entry in history(whole)]
    assert same(parameters(whole / "model"), parameters(out / "model"))


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "poly"])
def test_the_schedule_is_that_of_the_longer_run_at_its_place(disc_data, tmp_path, schedule):
    out, whole = tmp_path / "run", tmp_path / "whole"
    training.train(disc_data, out, **TINY, schedule=schedule, epochs=2)
    training.train(disc_data, out, resume=True, epochs=6)
    training.train(disc_data, whole, **TINY, schedule=schedule, epochs=6)
    rates = [[entry["lr"] for entry in history(folder)] for folder in (out, whole)]
    assert rates[0][2:] == pytest.approx(rates[1][2:], rel=1e-6, abs=1e-9)


def test_a_lengthened_run_can_be_stopped_and_resumed(disc_data, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "run"
    for folder in (whole, out):
        training.train(disc_data, folder, **TINY, epochs=2)
    training.train(disc_data, whole, resume=True, epochs=5)
    from fullconv.training import run as training_run

    real, batches = training_run.load_epoch, iter("o")
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "load_epoch", lambda *a: real(*a) if next(batches) else None)
        with pytest.raises(StopIteration):
            training.train(disc_data, out, resume=True, epochs=5)
    assert len(history(out)) == 3
    training.train(disc_data, out, resume=True)
    assert same(parameters(whole / "model"), parameters(out / "model"))


def test_a_run_cannot_be_shortened(disc_data, tmp_path):
    training.train(disc_data, tmp_path / "run", **TINY, epochs=2)
    with pytest.raises(
        FullconvError,
        match="can only grow; give more than 2, or leave epochs out",
    ):
        training.train(disc_data, tmp_path / "run", resume=True, epochs=1)


def test_the_loss_on_val_is_logged(disc_data, tmp_path):
    training.train(disc_data, tmp_path / "run", **TINY, epochs=2, evaluate_every=2)
    first, second = history(tmp_path / "run")
    assert "val_loss" not in first
    assert torch.tensor(second["val_loss"]).isfinite()
