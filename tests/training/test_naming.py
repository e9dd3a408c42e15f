"""What a trained model is called."""

import json

import pytest

from fullconv.errors import FullconvError
from fullconv.files import write_json
from fullconv.serving.limits import Limits
from fullconv.serving.messages import Setup
from fullconv.serving.work import models_of
from fullconv.training import finishing
from fullconv.training import train as training
from fullconv.training.naming import name_of
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model
from tests.training.test_run import TINY, parameters, same

LIMITS = Limits(10**6, 10**6, 1, ("png",), 30, 1)


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)


@pytest.fixture
def no_export(monkeypatch, no_pictures):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: None)


def name_in(run):
    return read_config(run / "model").name


def test_a_name_is_that_of_the_folder(tmp_path, monkeypatch):
    assert name_of(tmp_path / "roofs") == name_of(tmp_path / "runs" / ".." / "roofs") == "roofs"
    assert name_of(tmp_path / "roofs" / "fold2", fold=2) == "roofs-fold2"
    assert name_of(tmp_path / "fold2") == "fold2"  # a run that has no folds
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert name_of(type(tmp_path)(".")) == "here"


def test_a_name_fits_into_config_json(tmp_path):
    assert name_of(tmp_path / "ro\nofs") == "roofs"
    assert len(name_of(tmp_path / ("r" * 250))) == 200
    assert name_of(type(tmp_path)("/")) == "model"


def test_two_runs_are_served_together(disc_data, tmp_path, no_pictures):
    runs = [tmp_path / "roofs", tmp_path / "nuclei-3m"]
    for out in runs:
        training.train(disc_data, out, epochs=1, **TINY)
    served = models_of(Setup(tuple(map(find_model, runs)), "auto", "auto", LIMITS))
    assert list(served) == ["roofs", "nuclei-3m"]
    assert "# roofs\n" in (runs[0] / "model" / "README.md").read_text()
    assert same(parameters(runs[0] / "model"), parameters(runs[1] / "model"))
    with pytest.raises(FullconvError, match="two models are called roofs"):
        models_of(Setup((find_model(runs[0]),) * 2, "auto", "auto", LIMITS))


def test_the_recipe_can_give_another_name(disc_data, tmp_path, no_export):
    training.train(disc_data, tmp_path / "roofs", epochs=1, name="houses", **TINY)
    assert name_in(tmp_path / "roofs") == "houses"


def test_a_resumed_run_keeps_its_name(disc_data, tmp_path, no_export):
    training.train(disc_data, tmp_path / "roofs", epochs=1, **TINY)
    (tmp_path / "roofs").rename(tmp_path / "moved")
    training.train(disc_data, tmp_path / "moved", resume=True, epochs=2)
    assert name_in(tmp_path / "moved") == "roofs"
    training.train(disc_data, tmp_path / "again", repeats=tmp_path / "moved")
    assert name_in(tmp_path / "again") == "roofs"


def test_a_run_of_a_version_that_called_every_model_the_same_keeps_that_name(disc_data, tmp_path, no_export):
    training.train(disc_data, tmp_path / "roofs", epochs=1, **TINY)
    recipe = tmp_path / "roofs" / "recipe.json"
    write_json(recipe, {**json.loads(recipe.read_text()), "name": "model"})
    training.train(disc_data, tmp_path / "roofs", resume=True, epochs=2)
    assert name_in(tmp_path / "roofs") == "model"


def test_each_fold_and_each_stage_has_a_name_of_its_own(disc_data, tmp_path, no_export):
    training.train(disc_data, tmp_path / "roofs", folds=2, epochs=1, **TINY)
    assert [name_in(tmp_path / "roofs" / fold) for fold in ("fold1", "fold2")] == ["roofs-fold1", "roofs-fold2"]
    training.train(disc_data, tmp_path / "staged", epochs=1, **TINY, staged=True)
    stages = [tmp_path / "staged" / stage for stage in ("fcn32s", "fcn16s", ".")]
    assert list(map(name_in, stages)) == ["staged-fcn32s", "staged-fcn16s", "staged"]
