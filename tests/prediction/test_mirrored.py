"""With mirror images, scores are the mean of both: calculated by hand, in every engine, in tiles, and in commands."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import fullconv
from fullconv.commands.main import fullconv as command
from fullconv.prediction.engines.mirrored import Mirrored
from tests.conftest import EXAMPLES

ENGINES = ("openvino", "onnxruntime", "torch")


class Ramp:
    """The score of class 0 is the red value, and that of class 1 the column, which changes in a mirror image."""

    name, precision = "stub", "fp32"

    def scores(self, images):
        columns = np.broadcast_to(np.arange(images.shape[2], dtype=np.float32), images.shape[:3])
        return np.stack([images[..., 0].astype(np.float32), columns], 1)

    def room(self, channels, scores):
        return 7 if scores else 9


def test_scores_are_the_mean_of_both_images_and_labels_follow_it():
    images = np.zeros((1, 2, 5, 3), np.uint8)
    images[0, 0, :, 0] = [0, 1, 2, 3, 9]
    engine = Mirrored(Ramp())
    scores = engine.scores(images)
    assert scores[0, 0, 0].tolist() == [0, 1, 2, 3, 9]  # red moves with the pixels
    assert scores[0, 1, 0].tolist() == [2] * 5  # columns are 0 … 4, and 4 … 0 in the mirror image
    assert engine.label_maps(images)[0].tolist() == [[1, 1, 0, 0, 0], [1] * 5]
    assert engine.room(3) == 7


@pytest.fixture(scope="module")
def photo():
    with Image.open(EXAMPLES / "chelsea.jpg") as picture:
        return np.array(picture.convert("RGB").crop((20, 0, 340, 256)))


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_gives_a_mirrored_result_for_a_mirrored_picture(photo, name):
    if name != "openvino":
        pytest.importorskip(name)
    model = fullconv.load("photos", engine=name, precision="fp32").mirrored()
    result, mirrored = (model.predict(one, scores=True) for one in (photo, photo[:, ::-1].copy()))
    assert np.abs(result.scores - mirrored.scores[..., ::-1]).max() < 1e-3
    assert (result.label_map == result.scores.argmax(0)).all()
    plain = fullconv.load("photos", engine=name, precision="fp32")
    one, other = (plain.predict(view, scores=True).scores for view in (photo, photo[:, ::-1].copy()))
    assert np.abs(result.scores - (one + other[..., ::-1]) / 2).max() < 1e-3


def test_tiles_with_an_exact_halo_give_the_labels_of_the_whole_picture(photo):
    model = fullconv.load("camvid", precision="fp32").mirrored()
    picture = np.tile(photo, (2, 2, 1))[:500, :620]
    whole, tiled = model.predict(picture, tile=4096), model.predict(picture, tile=256, halo="exact")
    assert (whole.label_map == tiled.label_map).all()


def test_it_can_be_combined_with_a_restriction_to_classes(photo):
    model = fullconv.load("photos", precision="fp32").mirrored().among(["dog"])
    assert set(np.unique(model.predict(photo).label_map)) <= {0, model.classes.index("dog")}


def test_predict_and_evaluate_have_the_option(photo, tmp_path, monkeypatch):
    asked = []
    real = Mirrored.scores
    monkeypatch.setattr(Mirrored, "scores", lambda self, images: asked.append(1) or real(self, images))
    for kind in ("images", "masks"):
        (tmp_path / kind / "val").mkdir(parents=True)
    Image.fromarray(photo).save(tmp_path / "images" / "val" / "cat.png")
    Image.fromarray(np.full(photo.shape[:2], 1, np.uint8)).save(tmp_path / "masks" / "val" / "cat.png")
    (tmp_path / "data.yaml").write_text("names: [background, cat]\n")
    for words in (["predict", tmp_path / "images" / "val", "--out", tmp_path / "out"], ["evaluate", tmp_path]):
        before = len(asked)
        result = CliRunner().invoke(command, [*map(str, words), "--tta", "--precision", "fp32"])
        assert result.exit_code == 0, result.output
        assert len(asked) == before + 1
    assert "with mirror images" in result.output
