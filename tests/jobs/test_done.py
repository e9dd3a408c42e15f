"""The record of earlier runs, and which pictures are processed again."""

import errno
import json
import os
from contextlib import closing

import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.jobs.done import begin, unfinished
from fullconv.jobs.images import run
from fullconv.jobs.job import Wanted
from fullconv.jobs.plan import plan
from fullconv.outputs.manifest import NAME
from tests.prediction.stubs import StubModel

SETTINGS = {"model": "photos", "outputs": ["labels"]}


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (4, 3)).save(photos / f"{name}.png")
    return photos


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def predict(folder, out, settings=SETTINGS, resume=True):
    """Predicts a folder. Returns the names of the pictures that were processed."""
    model, jobs = StubModel(), plan([str(folder)], out)
    todo = unfinished(jobs, out, settings).jobs if resume else jobs
    with closing(begin(out, settings)) as manifest:
        list(run(model, todo, Wanted(("labels",)), 2, manifest))
    return sorted(model.seen)


def lines(out):
    return [json.loads(line) for line in (out / NAME).read_text().splitlines()]


def test_the_manifest_has_a_line_for_the_run_and_for_each_picture(folder, out):
    (folder / "bad.png").write_bytes(b"")
    predict(folder, out)
    head, *others = lines(out)
    assert head == {"run": others[0]["run"], "settings": SETTINGS}
    found = {line["target"]: line for line in others if "target" in line}
    begun = {line["begun"]: line for line in others if "begun" in line}
    assert begun["a"] == {"run": head["run"], "begun": "a", "writes": ["a_labels.png"]}
    assert sorted(begun) == ["a", "b", "c"]
    assert all(others.index(begun[name]) < others.index(found[name]) for name in begun)
    assert sorted(found) == ["a", "b", "bad", "c"]
    stat = (folder / "a.png").stat()
    assert found["a"] | {"seconds": 0} == {
        "run": head["run"], "target": "a", "file": str(folder / "a.png"), "bytes": stat.st_size,
        "modified": stat.st_mtime_ns, "width": 4, "height": 3, "classes": {"dog": 1.0}, "seconds": 0,
        "outputs": ["a_labels.png"],
    }  # fmt: skip
    assert "not an image" in found["bad"]["error"]


def test_finished_and_damaged_pictures_are_not_processed_again(folder, out):
    (folder / "bad.png").write_bytes(b"")
    assert predict(folder, out) == ["a.png", "b.png", "bad.png", "c.png"]
    assert predict(folder, out) == []
    assert predict(folder, out, resume=False) == ["a.png", "b.png", "bad.png", "c.png"]


def test_a_damaged_file_is_reported_again_and_retried_after_it_changed(folder, out):
    (folder / "bad.png").write_bytes(b"")
    predict(folder, out)
    for _ in range(2):
        todo = unfinished(plan([str(folder)], out), out, SETTINGS)
        assert (len(todo.jobs), todo.done, todo.damaged) == (0, 3, 1)
        (outcome,) = todo.errors
        assert outcome.source == folder / "bad.png"
        assert outcome.error == f"{folder / 'bad.png'}: not an image, or empty; remove it or convert it to JPEG or PNG"
        assert predict(folder, out) == []
    assert predict(folder, out, {**SETTINGS, "tile": 32}) == ["a.png", "b.png", "bad.png", "c.png"]
    Image.new("RGB", (4, 3)).save(folder / "bad.png")
    assert predict(folder, out, {**SETTINGS, "tile": 32}) == ["bad.png"]
    assert unfinished(plan([str(folder)], out), out, {**SETTINGS, "tile": 32}).done == 4


@pytest.mark.parametrize("why", ["in the way", "memory", "permission"])
def test_other_failures_are_retried(folder, out, why, monkeypatch):
    out.mkdir()
    if why == "in the way":
        (out / "a_labels.png").write_bytes(b"by hand")
        assert predict(folder, out) == ["a.png", "b.png", "c.png"]
        (out / "a_labels.png").unlink()
    else:
        error = MemoryError() if why == "memory" else PermissionError(errno.EACCES, "Permission denied")
        with monkeypatch.context() as patch:
            patch.setattr("PIL.PngImagePlugin.PngImageFile.load", raising(error))
            predict(folder, out)
        assert all(line.get("error") for line in lines(out) if "target" in line)
    assert predict(folder, out) == (["a.png"] if why == "in the way" else ["a.png", "b.png", "c.png"])
    assert predict(folder, out) == []


def raising(error):
    def load(self):
        raise error

    return load


def test_a_picture_is_processed_again_if_it_changed_or_a_result_is_missing(folder, out):
    predict(folder, out)
    os.utime(folder / "a.png", ns=(5, 5))
    (out / "b_labels.png").unlink()
    (out / "c_labels.png").write_bytes(b"corrected by hand")
    assert predict(folder, out) == ["a.png", "b.png"]
    assert predict(folder, out) == []


def test_another_picture_of_the_same_name_is_processed(folder, out, tmp_path):
    predict(folder, out)
    other = tmp_path / "others"
    folder.rename(other)
    assert predict(other, out) == ["a.png", "b.png", "c.png"]


def test_a_run_with_other_settings_makes_earlier_results_invalid(folder, out):
    predict(folder, out)
    with closing(begin(out, {**SETTINGS, "tile": 32})):
        pass  # this run may have replaced any file before it was killed
    assert predict(folder, out) == ["a.png", "b.png", "c.png"]


def test_a_cut_off_line_is_ignored_and_affects_no_other(folder, out):
    predict(folder, out)
    content = (out / NAME).read_bytes()
    (out / NAME).write_bytes(content[:-20])
    assert len(predict(folder, out)) == 1
    assert predict(folder, out) == []


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FullconvError, match=r"cannot be written .*; free some space, or choose another folder"):
        begin(tmp_path / "file", SETTINGS)


def files(out):
    return sorted(path.name for path in out.iterdir() if path.name != NAME)


def test_masks_that_another_model_does_not_write_go(folder, out):
    """Unless the picture fails, or the masks are the user's own."""
    masks = {"outputs": ["masks", "labels"]}

    def run_with(model, settings):
        with closing(begin(out, settings)) as manifest:
            list(run(model, plan([str(folder)], out), Wanted(("masks",)), 2, manifest))
        return manifest.removed

    assert run_with(StubModel(), {**masks, "model": "one"}) == 0
    assert files(out) == ["a_dog.png", "b_dog.png", "c_dog.png"]
    (out / "a_horse.png").touch()
    other = StubModel()
    other.classes = Classes.named(["background", "cat"])
    (folder / "b.png").write_bytes(b"")
    assert run_with(other, {**masks, "model": "two"}) == 2
    assert files(out) == ["a_cat.png", "a_horse.png", "b_dog.png", "c_cat.png"]
    assert run_with(other, {"model": "two", "outputs": ["labels"]}) == 0
