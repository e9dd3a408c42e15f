"""Labels of a single class: the check says that nothing can be learned from them, and why, and so do others."""

import numpy as np
import pytest

from fullconv.data.description import open_dataset
from fullconv.data.doctor.nothing_to_learn import refuse_nothing_to_learn, refuse_wrong_masks
from fullconv.errors import FullconvError
from tests.data.doctor.planted import found, halves, kinds, sound
from tests.data.doctor.test_boxes import coco

WRITTEN = "names: [{name: background, labels: [0]}, {name: roof, labels: [255]}]"


@pytest.fixture
def data(tmp_path):
    return sound(tmp_path)


def refuse(yaml, pixels, is_all=True):
    refuse_nothing_to_learn(yaml, pixels, open_dataset(yaml).classes, "train", (), is_all)


def test_white_that_is_void_is_refused_with_the_lines_that_mend_it(data):
    data.save_masks(halves(0, 255))
    yaml = data.yaml()
    with pytest.raises(FullconvError, match="255 is void, so white pixels are never learned") as error:
        refuse(yaml, [100, 0])
    assert str(error.value).endswith(f"; write in {yaml}: {WRITTEN}")
    data.yaml(WRITTEN)
    refuse_wrong_masks(yaml)


def test_boxes_without_an_outline_are_refused(tmp_path):
    coco(tmp_path / "data", [[], []])
    with pytest.raises(FullconvError, match=r"pixels in their boxes are void; write in a data YAML: boxes: region"):
        refuse(tmp_path / "data", [100, 0])


@pytest.mark.parametrize(("value", "what"), [(0, "all labelled pixels of train are background"), (255, "are void")])
def test_a_single_value_is_nothing_to_learn(data, value, what):
    data.save_masks(halves(value, value))
    pixels = [100, 0] if value == 0 else [0, 0]
    with pytest.raises(FullconvError, match=what):
        refuse(data.yaml(), pixels)
    refuse(data.yaml(), pixels, is_all=False)  # a teacher may know the others


def test_a_class_that_is_absent_from_train_is_no_error(data):
    data.names = "names: [background, roof, pool]\n"
    refuse(data.yaml(), [100, 20, 0])
    assert not data.examine().failed


def test_the_check_finds_a_single_class_in_train(data):
    for path in data.masks():
        if "train" in path.parts:
            data.save(f"train/{path.stem}", halves(0, 0), seed=ord(path.stem))
    report = data.examine()
    finding = found(report, "nothing-to-learn")
    assert finding.severity == "error"
    assert finding.text == "all labelled pixels of train are background, so there is nothing to learn"
    assert "empty-in-split" not in kinds(report)


def test_masks_of_void_alone_are_one_finding(data):
    data.save_masks(np.full_like(halves(), 255))
    assert kinds(data.examine()) == {"all-void"}
