"""Labels that a model disagrees with: by hand-made probabilities, and with one wrong object among right ones."""

from pathlib import Path

import numpy as np
import pytest

from fullconv.classes import VOID
from fullconv.data.dataset import Sample
from fullconv.data.masks import identity_lookup
from fullconv.evaluation.suspects import Opinion, find_suspects, is_thick, suspects_in, thresholds
from fullconv.view import Picture, View
from tests.outputs.results import CLASSES


def opinion(labels, said, sure=0.8, size=None):
    """The model says `said`, with a probability of `sure` everywhere."""
    labels, said = np.array(labels, np.uint8), np.array(said)
    chances = np.full((3, *labels.shape), (1 - sure) / 2, np.float32)
    np.put_along_axis(chances, said[None], sure, 0)
    return Opinion(chances, labels, size or labels.shape)


def square(value, ground=0, side=8, shape=(20, 20)):
    plane = np.full(shape, ground)
    plane[4 : 4 + side, 4 : 4 + side] = value
    return plane


def test_a_threshold_is_the_mean_probability_where_a_class_is_the_label():
    found = thresholds([opinion([[0, 0, 1]], [[0, 0, 1]]), opinion([[0, VOID]], [[1, 1]])])
    assert found == pytest.approx([(0.8 + 0.8 + 0.1) / 3, 0.8, 2])


def test_a_region_that_is_surely_another_class_is_suspected():
    one = opinion(square(1), square(2), size=(40, 60))
    (suspect,) = suspects_in(one, np.array([0.7, 0.7, 0.7]))
    assert (suspect.label, suspect.suggested, suspect.pixels) == (1, 2, 64 * 2 * 3)
    assert suspect.box == (12, 8, 36, 24)  # x counts threefold, y twice
    assert suspect.weight == pytest.approx(np.log(0.8 / 0.1) * np.sqrt(64 / 400))


def test_a_label_that_the_model_rules_out_weighs_more_than_one_that_it_considers():
    """The first is a mistake of a person, the second may be one of the model."""
    considered = opinion(square(1, side=12), square(2, side=12), sure=0.8)
    ruled_out = opinion(square(1), square(2), sure=1 - 1e-5)
    limits = np.array([0.7, 0.7, 0.7])
    assert suspects_in(ruled_out, limits)[0].weight > suspects_in(considered, limits)[0].weight


def test_a_probability_of_0_weighs_as_one_in_a_million():
    (suspect,) = suspects_in(opinion(square(1), square(2), sure=1.0), np.array([0.7, 0.7, 0.7]))
    assert suspect.weight == pytest.approx(np.log(1e6) * 0.4)


@pytest.mark.parametrize(
    ("labels", "said", "limits"),
    [
        (square(1), square(1), [0.7, 0.7, 0.7]),  # agreed
        (square(1), square(2), [0.7, 0.7, 0.9]),  # not as sure of class 2 as it usually is
        (square(VOID), square(2), [0.7, 0.7, 0.7]),  # nobody says anything else
        (square(1, side=4), square(2, side=4), [0.7, 0.7, 0.7]),  # as thin as borders are
    ],
)
def test_what_is_not_suspected(labels, said, limits):
    assert suspects_in(opinion(labels, said), np.array(limits)) == []


def test_a_region_is_thin_if_no_square_fits_into_it():
    assert is_thick(np.ones((5, 5), bool))
    assert not is_thick(np.ones((4, 90), bool))
    assert not is_thick(np.eye(50, dtype=bool))


class SureModel:
    """It says what the picture's first band holds."""

    view = View((0.0, 0.0, 0.0), (), None)

    def label(self, image, scores, keeps_scale, as_seen):
        said = image[..., 0].astype(np.intp)
        return said.astype(np.uint8), np.log(np.eye(3, dtype=np.float32)[said].transpose(2, 0, 1) * 0.7 + 0.1)


def sample(name, said, labels):
    image = np.repeat(said[..., None], 3, 2).astype(np.uint8)
    return Sample(name, Path(f"{name}.png"), Path(f"{name}_mask.png"), identity_lookup(CLASSES),
                  lambda path: Picture(image), lambda path: labels.astype(np.uint8))  # fmt: skip


def test_the_picture_with_the_largest_fault_comes_first():
    right = [sample(f"right{i}", square(1 + i % 2), square(1 + i % 2)) for i in range(6)]
    small, large = (sample(f"side{side}", square(1, side=side), square(2, side=side)) for side in (6, 12))
    found = find_suspects(lambda one: SureModel(), [*right, small, large])
    assert [suspicion.sample.name for suspicion in found] == ["side12", "side6"]
    assert found[0].to_json(CLASSES)["regions"][0]["suggested"] == CLASSES.names[1]


def test_each_picture_is_judged_by_its_own_model_and_what_cannot_be_read_is_left_out():
    asked = []
    good, right = sample("good", square(1), square(2)), sample("right", square(1), square(1))

    def judge(one):
        asked.append(one.name)
        return SureModel()

    broken = Sample("broken", Path("no.png"), Path("no.png"), identity_lookup(CLASSES))
    assert [suspicion.sample.name for suspicion in find_suspects(judge, [broken, good, right])] == ["good"]
    assert asked == ["broken", "good", "right"] * 2
