"""What TensorBoard, W&B and MLflow are told: every epoch, once, also where a run is resumed."""

import os
from importlib.util import find_spec

import pytest
from accelerate import PartialState

from fullconv.errors import FullconvError
from fullconv.training import trackers
from fullconv.training.recipe import Recipe
from fullconv.training.trackers import Trackers, check_trackers


@pytest.fixture(autouse=True)
def begun():
    """A run has its Accelerator before it has trackers."""
    PartialState()


HISTORY = [{"epoch": i, "loss": 1 / i, "lr": 0.1, "mean_iou": i / 10, "boundary_iou": None} for i in (1, 2, 3)]


def scalars(folder):
    """{name: [(epoch, value)]} and the names of texts, read as TensorBoard reads its folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    found = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    return found, events.Tags()["tensors"]


def test_tensorboard_receives_every_epoch_and_the_recipe(tmp_path):
    with Trackers(["tensorboard"], tmp_path, Recipe(), []) as told:
        for entry in HISTORY:
            told.log(entry)
    found, texts = scalars(tmp_path / "tensorboard")
    assert found["loss"] == [(i, pytest.approx(1 / i)) for i in (1, 2, 3)]
    assert set(found) == {"loss", "lr", "mean_iou"}
    assert texts == ["recipe/text_summary"]


def test_a_resumed_run_has_each_epoch_once(tmp_path):
    """Killed after two epochs were told, of which one was kept."""
    told = Trackers(["tensorboard"], tmp_path, Recipe(), [])
    for entry in HISTORY[:2]:
        told.log(entry)
    with Trackers(["tensorboard"], tmp_path, Recipe(), HISTORY[:1]) as again:
        for entry in HISTORY[1:]:
            again.log(entry)
    assert [epoch for epoch, _ in scalars(tmp_path / "tensorboard")[0]["mean_iou"]] == [1, 2, 3]


def test_trackers_by_name():
    assert check_trackers(None) == ("tensorboard",)
    assert check_trackers("none") == check_trackers("") == check_trackers([]) == ()
    assert check_trackers(["tensorboard"]) == check_trackers(" tensorboard ") == ("tensorboard",)
    with pytest.raises(FullconvError, match="no such tracker; choose from tensorboard, wandb, mlflow, none"):
        check_trackers("tensorbored")


@pytest.mark.parametrize(
    ("name", "remedy"), [("wandb", "wandb"), ("mlflow", "mlflow"), ("tensorboard", r"'fullconv\[train\]'")]
)
def test_a_missing_tracker_gives_a_one_line_error(name, remedy, monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda library: None)
    assert check_trackers(None) == ()
    with pytest.raises(FullconvError, match=f"{name} is not installed; run: pip install {remedy}$"):
        check_trackers(["none", name])


@pytest.mark.skipif(not find_spec("mlflow"), reason="mlflow is not installed")
def test_mlflow_receives_the_run(tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    with Trackers(["mlflow"], tmp_path / "first", Recipe(lr=0.5), HISTORY):
        pass
    (run,) = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("fullconv").experiment_id])
    assert (run.info.run_name, run.data.params["lr"], run.info.status) == ("first", "0.5", "FINISHED")
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "mean_iou")
    assert [(point.step, point.value) for point in points] == [(1, 0.1), (2, 0.2), (3, 0.3)]


@pytest.mark.skipif(not find_spec("wandb"), reason="wandb is not installed")
def test_wandb_receives_the_run(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "WANDB_MODE", "offline")
    tmp_path.joinpath("first").mkdir()
    with Trackers(["wandb"], tmp_path / "first", Recipe(lr=0.5), HISTORY) as told:
        run = told.opened[0].tracker
        assert (run.name, run.project, run.config["lr"]) == ("first", "fullconv", 0.5)
        assert (run.step, run.summary["mean_iou"]) == (3, 0.2)  # what is logged last is on its way
    assert list((tmp_path / "first").glob("wandb/offline-run-*"))
