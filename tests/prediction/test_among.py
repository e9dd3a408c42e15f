"""A model restricted to some classes: each pixel gets the best of these."""

from dataclasses import replace

import numpy as np
import pytest

import fullconv
from fullconv.classes import Classes
from fullconv.errors import FullconvError
from tests.conftest import EXAMPLES

ASTRONAUT = EXAMPLES / "astronaut.jpg"


@pytest.fixture(scope="module")
def model():
    return fullconv.load("photos", precision="fp32")


def test_each_pixel_gets_the_best_of_the_requested_classes(model):
    scores = model.predict(ASTRONAUT, scores=True).scores
    kept = [0, model.classes.index("cat"), model.classes.index("person")]
    found = model.among(["person", "cat"]).predict(ASTRONAUT)
    assert np.array_equal(found.label_map, np.array(kept, np.uint8)[scores[kept].argmax(0)])
    assert found.asked == ("person", "cat")
    assert "bottle" in model.predict(ASTRONAUT).shares


def test_a_reduced_picture_is_restricted_too(model):
    large = np.array(fullconv.images.read(ASTRONAUT)).repeat(2, 0).repeat(2, 1)
    found = model.among(["person"]).predict(large, soft=True)
    assert set(np.unique(found.label_map)) == {0, model.classes.index("person")}
    assert found.seen_scores.shape == (21, 512, 512)
    assert found.scores is None
    assert found.confidence.shape == (1024, 1024)


def test_without_a_background_labels_stay_as_they_are(model):
    names = ["ground", *model.classes.names[1:]]
    other = replace(model, config=replace(model.config, classes=Classes.named(names, model.classes.colours)))
    found = other.among(["bottle"]).predict(ASTRONAUT)
    assert np.array_equal(found.label_map, model.predict(ASTRONAUT).label_map)
    assert found.wanted == ["bottle"]


def test_one_name_is_taken_as_a_list_of_one(model):
    assert model.among("cat").asked == ("cat",)
    assert model.among("cat").engine.others == model.among(["cat"]).engine.others
    with pytest.raises(FullconvError, match="names: give a list, not None"):
        model.among(None)


def test_no_name_at_all_is_refused(model):
    with pytest.raises(FullconvError, match=r"^names: none is given; give one or more of background, aeroplane"):
        model.among([])


def test_an_unknown_class_is_refused(model):
    with pytest.raises(FullconvError, match="no class 'puma'"):
        model.among(["puma"])


def test_soft_does_not_change_labels(model):
    plain, soft = model.predict(ASTRONAUT), model.predict(ASTRONAUT, soft=True)
    assert (plain.label_map == soft.label_map).mean() > 0.999
