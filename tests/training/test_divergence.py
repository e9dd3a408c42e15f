"""Training that fails says so: one line, the last good state kept, nothing exported that is not a number."""

import json
from pathlib import Path

import pytest
import torch

from fullconv.errors import FullconvError
from fullconv.models.build import build
from fullconv.training import finishing
from fullconv.training import run as training_run
from fullconv.training import train as training
from fullconv.training.divergence import Diverged, check_loss, check_parameters, remedies
from fullconv.training.epoch_log import line_of
from fullconv.training.recipe import Recipe
from fullconv.training.start import prepare_data
from fullconv.weights import checkpoint
from tests.training.test_run import TINY, parameters, same


def run(data, out, **changes) -> Path:
    return training.train(data, out, **{**TINY, **changes})


@pytest.fixture
def finished(monkeypatch):
    """The model folders that were finished; export and pictures take seconds."""
    folders = []
    monkeypatch.setattr(finishing, "write_card_and_graph", folders.append)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    return folders


@pytest.fixture
def small(disc_data):
    _, config = prepare_data(disc_data, Recipe(**TINY))
    return build(config), config


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_gives_a_one_line_error(disc_data, tmp_path, finished, monkeypatch, value):
    """In the second epoch of three: the first one's model, state and log stay as they were."""
    real, calls = training_run.train_epoch.__globals__["train_step"], []

    def step(*arguments):
        calls.append(real(*arguments))
        return value if len(calls) == 6 else calls[-1]

    monkeypatch.setitem(training_run.train_epoch.__globals__, "train_step", step)
    with pytest.raises(FullconvError, match=rf"epoch 2: the loss is {value}; the best model .* try a smaller") as error:
        run(disc_data, tmp_path / "run", epochs=3, lr=3e-3, optimiser="sgd")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "run" / "model") in str(error.value)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 1
    assert len(checkpoint.load_state(tmp_path / "run" / "last.pt")["history"]) == 1
    assert all(value.isfinite().all() for value in parameters(tmp_path / "run" / "model").values())
    assert finished == [tmp_path / "run" / "model"]


def test_a_learning_rate_far_too_high_is_always_reported(disc_data, tmp_path, finished):
    """One step an epoch: the loss is finite, and what the step made of the parameters is seen before it is kept."""
    with pytest.raises(
        Diverged, match=r"epoch 1: .* contains numbers that are not finite or too large; no epoch was saved"
    ):
        run(disc_data, tmp_path, epochs=1, batch_size=16, lr=1e30, optimiser="sgd", clip=0.0, schedule="constant",
            warm_up=0.0)  # fmt: skip
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "log.jsonl").exists()
    assert finished == []


def test_a_diverged_run_leaves_the_state_it_started_from(disc_data, tmp_path, finished, monkeypatch):
    monkeypatch.setitem(training_run.train_epoch.__globals__, "train_step", lambda *_: float("nan"))
    with pytest.raises(Diverged):
        run(disc_data, tmp_path / "a", epochs=1)
    monkeypatch.undo()
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda _: None)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    run(disc_data, tmp_path / "a", epochs=1, resume=True)
    run(disc_data, tmp_path / "b", epochs=1)
    assert same(parameters(tmp_path / "a" / "model"), parameters(tmp_path / "b" / "model"))


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0.0, -0.01])
def test_an_invalid_learning_rate_is_refused(rate):
    with pytest.raises(FullconvError, match="lr must be a number above 0"):
        Recipe(lr=rate)


def test_what_half_precision_cannot_hold_is_not_stored(small, tmp_path):
    model, config = small
    with torch.no_grad():
        next(p for p in model.parameters() if p.ndim == 4)[0] = 1e6
    with pytest.raises(Diverged, match=r"trunk\.\S+ contains numbers that are not finite"):
        check_parameters(model)
    with pytest.raises(FullconvError, match=r"not written, because trunk\.\S+ contains"):
        checkpoint.save_model(tmp_path / "model", model, config)
    assert not (tmp_path / "model").exists()


def test_starting_weights_that_are_not_finite_are_named(disc_data, small, tmp_path, monkeypatch, finished):
    model, config = small
    with torch.no_grad():
        next(model.parameters())[:] = float("nan")
    monkeypatch.setattr(checkpoint, "not_finite", lambda _: [])
    checkpoint.save_model(tmp_path / "bad", model, config)
    monkeypatch.undo()
    with pytest.raises(FullconvError, match=r"bad: trunk\.\S+ contains numbers that are not finite; use other weights"):
        run(disc_data, tmp_path / "run", weights=tmp_path / "bad")


def test_only_untried_remedies_are_suggested():
    assert remedies(Recipe(lr=1.0, precision="fp32")) == "try a smaller learning rate (lr is 1)"
    wild = Recipe(lr=1e-3, clip=0.0, pixels="total")
    assert "0.001), clip: 1 in the recipe, pixels: mean or precision fp32" in remedies(wild)
    assert check_loss(0.5) == 0.5


def test_a_line_of_the_log_is_json_whatever_the_numbers():
    def refuse(word):
        raise AssertionError(word)

    line = line_of({"epoch": 1, "loss": float("nan"), "lr": float("inf"), "mean_iou": 0.5, "boundary_iou": None})
    expected = {"epoch": 1, "loss": None, "lr": None, "mean_iou": 0.5, "boundary_iou": None}
    assert json.loads(line, parse_constant=refuse) == expected


def test_a_run_folder_in_use_is_refused(disc_data, tmp_path, finished):
    from fullconv.locks import locked

    with locked(tmp_path / "run"), pytest.raises(FullconvError, match="run: in use by process"):
        run(disc_data, tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()
    run(disc_data, tmp_path / "run", epochs=1)
    with locked(tmp_path / "run"), pytest.raises(FullconvError, match="run: in use by process"):
        run(disc_data, tmp_path / "run", resume=True)
    assert not list((tmp_path / "run").glob(".*"))
