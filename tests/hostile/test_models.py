"""`fullconv predict` with model folders of a stranger's: one line, and what contradicts config.json is not believed."""

from pathlib import Path

import pytest

pytest.importorskip("onnx")

from tests.hostile import models, pictures
from tests.hostile.running import Ended, run


def predict(folder: Path, *more: object) -> Ended:
    (folder / "a.png").write_bytes(pictures.saved("PNG"))
    return run("predict", "a.png", "--model", "model", "--out", "out", *more, inside=folder, seconds=60)


@pytest.mark.parametrize("name", models.REFUSED)
def test_one_line_tells_what_is_wrong(name, tmp_path):
    models.REFUSED[name](tmp_path / "model")
    assert len(predict(tmp_path, "--save", "labels").refused()) < 2200
    assert not list(tmp_path.glob("out/*.png"))


@pytest.mark.parametrize("name", models.WITH_SCORES)
def test_scores_are_looked_at(name, tmp_path):
    models.WITH_SCORES[name](tmp_path / "model")
    predict(tmp_path, "--save", "scores").refused()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_the_graph_without_its_lies_is_taken(engine, tmp_path):
    models.folder(tmp_path / "model", label=1)
    ended = predict(tmp_path, "--save", "labels,scores", "--engine", engine)
    ended.orderly()
    assert ended.code == 0, ended.err
