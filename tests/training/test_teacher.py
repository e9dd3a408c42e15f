"""Folders of a teacher's scores: written by a model, or by whoever keeps to the format."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.dataset import UnlabelledPicture
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.training import teaching
from fullconv.training.digests import sha256_of
from fullconv.training.teacher import open_teacher, share_probability, write_index, write_scores
from fullconv.training.teaching import STRIDE, teach
from fullconv.training.train import train
from fullconv.weights.model_folder import find_model

CLASSES = Classes.named(["background", "cat", "dog"])


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(tmp_path / f"{i}.png")
    return [UnlabelledPicture(tmp_path / f"{i}.png") for i in range(3)]


def written(folder, pictures, names=CLASSES.names):
    write_index(folder, "test", names, align_corners=True)
    for i, picture in enumerate(pictures):
        scores = np.full((len(names), 3, 4), -5, np.float16)
        scores[i % len(names)] = 5
        write_scores(folder, sha256_of(picture.image_path)[:32], scores, (40, 60))
    return folder


def test_scores_are_found_by_the_content_of_a_picture(pictures, tmp_path):
    folder = written(tmp_path / "scores", pictures)
    moved = UnlabelledPicture(pictures[1].image_path.rename(tmp_path / "elsewhere.png"))
    teacher = open_teacher(folder, CLASSES, {}, [moved])
    assert teacher.align_corners
    assert teacher.scores(moved).argmax(0).unique().tolist() == [1]
    assert teacher.presence(moved, 3).tolist() == [False, True, False]


def test_classes_are_matched_by_name_and_by_label_mapping(pictures, tmp_path):
    folder = written(tmp_path / "scores", pictures, ("sky", "dog", "kitten"))
    teacher = open_teacher(folder, CLASSES, {"kitten": "cat"}, pictures)
    assert teacher.targets == (-1, 2, 1)
    assert teacher.known == [1, 2]
    with pytest.raises(FullconvError, match="fewer than two in common"):
        open_teacher(folder, CLASSES, {}, pictures)


def test_a_picture_without_scores_is_named(pictures, tmp_path):
    folder = written(tmp_path / "scores", pictures[:2])
    with pytest.raises(FullconvError, match=r"no scores for 1 of 3 pictures, the first is .*2\.png; add their scores"):
        open_teacher(folder, CLASSES, {}, pictures)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "classes": ["a"], "align_corners": true}', "{}"])
def test_a_wrong_index_gives_a_one_line_error(pictures, tmp_path, text):
    folder = written(tmp_path / "scores", pictures)
    (folder / "teacher.json").write_text(text)
    with pytest.raises(FullconvError, match=r"teacher\.json: "):
        open_teacher(folder, CLASSES, {}, pictures)


def test_an_index_of_another_format_names_the_keys_that_it_needs(pictures, tmp_path):
    folder = written(tmp_path / "scores", pictures)
    (folder / "teacher.json").write_text('{"format": 2, "classes": ["a"], "align_corners": true}')
    with pytest.raises(FullconvError, match='needs "format": 1, "classes": a list of names, and "align_corners"'):
        open_teacher(folder, CLASSES, {}, pictures)


@pytest.mark.parametrize("damage", [lambda data: data[:50], lambda data: data[:60] + bytes(20) + data[80:]])
def test_damaged_scores_give_a_one_line_error(pictures, tmp_path, damage):
    folder = written(tmp_path / "scores", pictures)
    teacher = open_teacher(folder, CLASSES, {}, pictures)
    for path in folder.glob("*.npz"):
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FullconvError, match="remove it and start again"):
        teacher.scores(pictures[0])


@pytest.mark.parametrize(
    "scores",
    [np.zeros((4, 5, 3)), np.zeros((2, 3, 4)), np.zeros((3, 4)), np.zeros((3, 0, 4)), np.zeros((3, 3, 4), int)],
)
def test_scores_of_another_shape_give_a_one_line_error_before_training(pictures, tmp_path, scores):
    folder = written(tmp_path / "scores", pictures)
    for path in folder.glob("*.npz"):
        np.savez(path, scores=scores)
    with pytest.raises(FullconvError, match=r"\.npz: its scores are .* of shape .*; give float16 of shape"):
        open_teacher(folder, CLASSES, {}, pictures)


def test_scores_that_are_not_finite_give_a_one_line_error(pictures, tmp_path):
    folder = written(tmp_path / "scores", pictures)
    teacher = open_teacher(folder, CLASSES, {}, pictures)
    for path in folder.glob("*.npz"):
        np.savez(path, scores=np.full((3, 2, 2), -np.inf, np.float16))
    with pytest.raises(FullconvError, match="not all finite"):
        teacher.scores(pictures[0])


def test_known_classes_get_the_probability_of_their_alternatives():
    scores = torch.tensor([1.0, 2.0, 3.0, 0.0]).view(4, 1, 1)
    before, after = scores.softmax(0).flatten(), share_probability(scores, [1], [1, 2]).softmax(0).flatten()
    assert after[1] == pytest.approx(float(before[1] + before[2]))
    assert after[2] < 1e-8
    torch.testing.assert_close(after[[0, 3]], before[[0, 3]])


def test_a_teacher_writes_its_scores_once_and_resumes(disc_data, tmp_path, monkeypatch):
    samples = open_dataset(disc_data).split("train")[:3]
    teach(Path("photos"), samples[:2], tmp_path / "scores", speaks=False)
    files = sorted((tmp_path / "scores").glob("*.npz"))
    assert len(files) == 2
    before = {path: path.stat().st_mtime_ns for path in files}
    teach(Path("photos"), samples, tmp_path / "scores", speaks=False)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert len(list((tmp_path / "scores").glob("*.npz"))) == 3
    monkeypatch.setattr("fullconv.training.teaching.load", None)  # nothing is left to be done
    teach(Path("photos"), samples, tmp_path / "scores", speaks=False)
    with np.load(files[0]) as arrays:
        assert arrays["scores"].shape == (21, 64 // STRIDE, 80 // STRIDE)
        assert arrays["scores"].dtype == np.float16
        assert arrays["size"].tolist() == [64, 80]
    assert json.loads((tmp_path / "scores" / "teacher.json").read_text())["align_corners"] is False


def test_several_models_teach_the_mean_of_their_probabilities(monkeypatch):
    probabilities = {"a": torch.tensor([0.9, 0.1, 0.0]), "b": torch.tensor([0.2, 0.3, 0.5])}
    monkeypatch.setattr(teaching, "log_probabilities", lambda model, _: probabilities[model].view(3, 1, 1).log())
    scores = torch.from_numpy(teaching.scores_of(["a", "b"], None)).float()
    torch.testing.assert_close(scores.softmax(0).flatten(), torch.tensor([0.55, 0.2, 0.25]), atol=1e-3, rtol=0)
    alone = torch.from_numpy(teaching.scores_of(["a"], None)).flatten()
    assert alone[[0, 2]].tolist() == [0, teaching.FAR_BELOW]  # the logarithm of zero


@pytest.fixture
def models(tmp_path):
    """Two models with the same classes, of which only the parameters differ."""
    first, second = tmp_path / "a", tmp_path / "b"
    shutil.copytree(find_model("photos"), first)
    shutil.copytree(first, second)
    with (second / "model.safetensors").open("ab") as file:
        file.write(b" ")
    return first, second


def taught_by(model, samples, folder, monkeypatch, **how):
    """Stops before the model predicts anything."""
    with monkeypatch.context() as patch:
        patch.setattr("fullconv.training.teaching.load", None)
        teach(model, samples, folder, speaks=False, **how)


def test_scores_of_two_models_are_never_mixed(disc_data, models, tmp_path, monkeypatch):
    samples, folder = open_dataset(disc_data).split("train")[:2], tmp_path / "scores"
    teach(models[0], samples[:1], folder, speaks=False)
    for there in (samples, samples[:1]):
        with pytest.raises(
            FullconvError, match=r"scores: its scores were not made by .*b as it is now; delete this folder"
        ):
            taught_by(models[1], there, folder, monkeypatch)
    config = models[0] / "config.json"
    config.write_text(config.read_text().replace('"background"', '"anything else"'))
    with pytest.raises(FullconvError, match="not made by"):
        taught_by(models[0], samples, folder, monkeypatch)
    (folder / "teacher.json").unlink()
    with pytest.raises(FullconvError, match="not made by"):
        taught_by(models[0], samples, folder, monkeypatch)


def test_a_run_that_has_begun_needs_its_teacher_no_more(disc_data, models, tmp_path, monkeypatch):
    samples, folder = open_dataset(disc_data).split("train")[:2], tmp_path / "scores"
    teach(models[0], samples, folder, speaks=False)
    shutil.rmtree(models[0])
    taught_by(models[0], samples, folder, monkeypatch, begun=True)
    with pytest.raises(FullconvError, match="no model"):
        taught_by(models[0], samples, folder, monkeypatch)


@pytest.mark.parametrize("folds", [0, 2])
def test_bent_pictures_are_refused_before_the_teacher_sees_any(disc_data, tmp_path, folds):
    with pytest.raises(FullconvError, match="elastic must be 0 with a teacher"):
        train(disc_data, tmp_path / "run", teacher="photos", elastic=0.5, folds=folds, epochs=1)
    assert not list(tmp_path.glob("run/**/*.npz"))
