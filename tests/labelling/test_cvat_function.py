"""A model in CVAT's automatic annotation, run by CVAT's own driver and read by its own decoder."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

import fullconv
from tests.conftest import EXAMPLES

pytest.importorskip("cvat_sdk", reason="cvat-sdk is not installed")

from cvat_sdk import auto_annotation
from cvat_sdk.auto_annotation import driver
from cvat_sdk.masks import decode_mask

from fullconv.errors import FullconvError
from fullconv.labelling.cvat_function import create

PHOTO = EXAMPLES / "chelsea.jpg"


@pytest.fixture(scope="module")
def function():
    return create("photos", precision="fp32")


@pytest.fixture(scope="module")
def cat():
    """(H, W): the mask of `fullconv predict`."""
    return fullconv.load("photos", precision="fp32").predict(PHOTO).mask("cat")


@pytest.fixture
def annotate(monkeypatch):
    """Runs CVAT's own driver on a task with one picture and the labels cat (id 7) and dog (id 8). Returns the shapes
    that it would send."""

    def run(function, label_type: str = "any", **options):
        media = SimpleNamespace(load_image=lambda: Image.open(PHOTO))
        sample = SimpleNamespace(frame_name=PHOTO.name, frame_index=5, media=media)
        labels = [
            SimpleNamespace(name=n, id=i, type=label_type, attributes=[], sublabels=[])
            for n, i in (("cat", 7), ("dog", 8))
        ]
        monkeypatch.setattr(driver, "TaskDataset", lambda *_, **__: SimpleNamespace(labels=labels, samples=[sample]))
        sent = []
        api = SimpleNamespace(
            partial_update_annotations=lambda *_, patched_labeled_data_request: sent.append(
                patched_labeled_data_request
            )
        )
        client = SimpleNamespace(logger=logging.getLogger(), tasks=SimpleNamespace(api=api))
        auto_annotation.annotate_task(client, 1, function, allow_unmatched_labels=True, **options)
        return sent[0].shapes

    return run


def test_the_spec_lists_the_classes_except_the_background(function):
    assert isinstance(function.spec, auto_annotation.DetectionFunctionSpec)
    assert [label.name for label in function.spec.labels] == list(function.model.classes.names[1:])


def test_masks_are_the_same_as_those_of_predict(function, annotate, cat):
    (shape,) = annotate(function, "mask")
    assert (shape.label_id, shape.frame, shape.type.value, shape.source) == (7, 5, "mask", "auto")
    assert 0.5 < shape.score <= 1
    height, width = cat.shape
    assert np.array_equal(decode_mask(shape.points, image_width=width, image_height=height), cat)


def test_polygons_on_request(function, annotate, cat):
    pytest.importorskip("shapely")
    canvas = Image.new("1", cat.shape[::-1])
    for shape in annotate(function, "polygon", conv_mask_to_poly=True):
        assert shape.label_id == 7
        ImageDraw.Draw(canvas).polygon(shape.points, fill=1)
    assert (np.array(canvas) & cat).sum() / (np.array(canvas) | cat).sum() > 0.97


def test_classes_below_the_threshold_are_left_out(function, annotate):
    (shape,) = annotate(function)
    assert len(annotate(function, conf_threshold=shape.score)) == 1
    assert annotate(function, conf_threshold=min(1.0, shape.score + 0.001)) == []


def test_classes_and_model_come_from_the_command_line(annotate):
    function = create("photos", classes="dog, horse", precision="fp32")
    assert [label.name for label in function.spec.labels] == ["dog", "horse"]
    assert {shape.label_id for shape in annotate(function)} <= {8}
    with pytest.raises(FullconvError, match="no class"):
        create("photos", classes="moon")
