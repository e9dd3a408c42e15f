import numpy as np
import pytest

from fullconv.classes import Classes
from fullconv.data.doctor.examination import check as examine
from fullconv.errors import FullconvError
from fullconv.training.weighting import class_weights, weigh_classes, weights_if_rare

CLASSES = Classes.named(["background", "disc", "never"])


class LabelMap:
    def __init__(self, *rows):
        self.values = np.array(rows, np.uint8)

    def read_label_map(self):
        return self.values


SAMPLES = [LabelMap([0, 0, 0, 1]), LabelMap([0, 0, 255, 0])]


def test_none_and_numbers():
    assert class_weights("none", SAMPLES, CLASSES) is None
    assert class_weights((1.0, 2.0, 3.0), SAMPLES, CLASSES).tolist() == [1, 2, 3]
    with pytest.raises(FullconvError, match="has the length 2; give it 3, a number for each class"):
        class_weights((1.0, 2.0), SAMPLES, CLASSES)


def test_balanced_is_the_median_frequency_over_each():
    """background: 6 of the 7 pixels of its pictures; disc: 1 of the 4 of its picture; the third never occurs."""
    frequency = [6 / 7, 1 / 4]
    expected = [np.median(frequency) / f for f in frequency]
    assert class_weights("balanced", SAMPLES, CLASSES).tolist() == pytest.approx([*expected, 1.0])


def test_balanced_is_what_the_doctor_prints(disc_data):
    from fullconv.data.description import describe

    dataset = describe(disc_data).mapped()
    found = class_weights("balanced", dataset.split("train"), dataset.classes)
    printed = examine(disc_data).to_json()["splits"]["train"]["classes"]
    assert found.tolist() == pytest.approx([row["weight"] for row in printed.values()])


def test_enet_by_its_formula():
    expected = 1 / np.log(1.02 + np.array([6 / 7, 1 / 7, 0]))
    assert class_weights("enet", SAMPLES, CLASSES).tolist() == pytest.approx(expected.tolist())


def test_class_weights_are_logged_in_one_line(said):
    weigh_classes("none", SAMPLES, CLASSES)
    assert said.messages == []
    weigh_classes("balanced", SAMPLES, CLASSES)
    assert said.messages == ["class weights (balanced): disc 2.21, never 1, background 0.646"]
    said.clear()
    weigh_classes((1.0,) * 11 + (7.0,), SAMPLES, Classes.named([f"c{i}" for i in range(12)]))
    assert said.messages[0].startswith("class weights: c11 7, c9 1, ")
    assert said.messages[0].endswith(", and 4 more")


def test_two_classes_of_which_one_is_rare_get_the_roots_of_their_median_frequency_weights():
    found = weights_if_rare((9800, 200))
    assert found == pytest.approx((np.sqrt(0.5 / 0.98), np.sqrt(0.5 / 0.02)), abs=1e-3)
    assert weights_if_rare((200, 9800)) == found[::-1]


@pytest.mark.parametrize("pixels", [(900, 100), (1000, 0), (9000, 100, 100), (1000,), ()])
def test_other_sets_get_no_weights(pixels):
    assert weights_if_rare(pixels) is None
