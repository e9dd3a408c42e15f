"""Every label map has the size of its image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fullconv
from fullconv import Model
from fullconv.prediction.predictor import padded
from fullconv.view import reduced
from tests.conftest import EXAMPLES


@pytest.fixture(scope="module")
def photos():
    return fullconv.load("photos", engine="onnxruntime")  # takes any shape without compiling for it


@given(st.integers(1, 70), st.integers(1, 70))
@settings(max_examples=15, deadline=None)
def test_small_images_keep_their_size(photos, height, width):
    result = photos.predict(np.full((height, width, 3), 90, np.uint8))
    assert result.label_map.shape == (height, width)
    assert result.label_map.max() < len(photos.classes)


@pytest.mark.parametrize("size", [(1, 1), (33, 31), (375, 500), (3000, 4000), (1, 3000), (2000, 3)])
def test_label_maps_have_the_size_of_the_picture(photos, size):
    assert photos.predict(np.zeros((*size, 3), np.uint8)).label_map.shape == size


def test_scores_come_on_request_and_agree_with_the_labels(photos):
    photo = np.random.default_rng(0).integers(0, 255, (700, 600, 3)).astype(np.uint8)
    result = photos.predict(photo, scores=True)
    assert result.scores.shape == (21, 700, 600)
    assert (result.scores.argmax(0) == result.label_map).all()
    assert photos.predict(photo).scores is None


@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_pictures_are_reduced_to_the_longest_side(height, width, side):
    image = np.zeros((height, width, 3), np.uint8)
    small = reduced(image, side)
    assert max(small.shape[:2]) == min(side, max(height, width))
    assert min(small.shape[:2]) >= 1
    assert reduced(image, None) is image


@pytest.mark.parametrize(("size", "seen"), [((30, 40), (336, 448)), ((300, 200), (448, 299)), ((1, 1), (448, 448))])
def test_small_photos_are_enlarged_for_the_network(photos, monkeypatch, size, seen):
    photo = np.asarray(Image.open(EXAMPLES / "chelsea.jpg").resize(size[::-1]))
    shapes, scores = [], Model._scores
    monkeypatch.setattr(Model, "_scores", lambda self, image: shapes.append(image.shape[:2]) or scores(self, image))
    result = photos.predict(photo, scores=True)
    assert shapes == [seen]
    assert result.label_map.shape == result.scores.shape[1:] == result.confidence.shape == size
    assert (result.scores.argmax(0) == result.label_map).all()
    assert (photos.predict(photo).label_map == result.label_map).all()


def test_photos_of_usual_size_and_tiles_keep_their_scale(photos, monkeypatch):
    monkeypatch.setattr(Model, "_scores", lambda self, image: pytest.fail("resized"))
    assert photos.predict(np.zeros((200, 448, 3), np.uint8)).label_map.shape == (200, 448)
    assert photos.predict(np.zeros((96, 64, 3), np.uint8), tile=64).label_map.shape == (96, 64)


def test_an_enlarged_cat_is_a_cat(photos):
    small = Image.open(EXAMPLES / "chelsea.jpg").resize((150, 100))
    large = photos.predict(EXAMPLES / "chelsea.jpg").label_map
    expected = np.asarray(Image.fromarray(large).resize(small.size, Image.Resampling.NEAREST))
    assert (photos.predict(small).label_map == expected).mean() > 0.97


@given(st.integers(1, 100), st.integers(1, 100))
def test_padded_to_multiples_of_32_with_the_image_at_the_top_left(height, width):
    image = np.full((height, width, 3), 9, np.uint8)
    canvas = padded(image, (127.5, 127.5, 127.5), 32)
    assert canvas.shape[0] % 32 == canvas.shape[1] % 32 == 0
    assert canvas.shape[0] - height < 32
    assert (canvas[:height, :width] == 9).all()
    assert (canvas[height:] == 128).all()


def test_a_large_photo_gives_the_same_classes_as_a_small_one(photos):
    """The same cat is found at 451 and at 2706 pixels."""
    from tests.conftest import EXAMPLES

    small = Image.open(EXAMPLES / "chelsea.jpg")
    large = small.resize((small.width * 6, small.height * 6), Image.Resampling.BICUBIC)
    a, b = photos.predict(small), photos.predict(large)
    cat = b.mask("cat")[3::6, 3::6] & a.mask("cat")
    assert cat.sum() > 0.85 * max(a.mask("cat").sum(), b.mask("cat").sum() / 36)


def test_the_function_predict_takes_a_path(tmp_path):
    from tests.conftest import EXAMPLES

    result = fullconv.predict(EXAMPLES / "chelsea.jpg")
    assert result.label_map.shape == (300, 451)
    assert result.shares["cat"] > 0.3


def test_the_padding_is_the_colour_that_the_network_sees_as_zero():
    from fullconv.models.config import NormalisationValues
    from fullconv.prediction.predictor import padded

    colour = NormalisationValues((10.4, 20.6, 30.0), (1.0,) * 3, (2, 1, 0)).colour
    image = np.full((5, 40, 3), 200, np.uint8)
    canvas = padded(image, colour, 32)
    assert canvas.shape == (32, 64, 3)
    assert (canvas[:5, :40] == 200).all()
    assert (canvas[5:] == (30, 21, 10)).all()
    assert (canvas[:, 40:] == (30, 21, 10)).all()
    assert padded(image[:, :32], colour, 1).shape == (5, 32, 3)
