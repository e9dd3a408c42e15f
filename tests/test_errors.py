import ast
from pathlib import Path

import pytest

import fullconv
from fullconv.classes import VOC_NAMES
from fullconv.data.catalogue import find_entry
from fullconv.errors import FullconvError, suggestion
from fullconv.evaluation.mean_iou import check_definition
from fullconv.models import published
from fullconv.models.config import parse_arch
from fullconv.serving.limits import Limits
from fullconv.training.trackers import check_trackers

SOURCE = Path(fullconv.__file__).parent


@pytest.mark.parametrize(
    ("word", "near"), [("cta", "cat"), ("Cat", "cat"), ("perosn", "person"), ("zebra crossing", ""), ("", "")]
)
def test_a_similar_name_is_suggested(word, near):
    assert suggestion(word, VOC_NAMES) == (f"; did you mean {near}?" if near else "")


def test_names_are_suggested_as_they_are_spelt():
    assert suggestion("OIL", ["Oil", "water"]) == "; did you mean Oil?"


@pytest.mark.parametrize(
    ("choose", "wrong", "near"),
    [
        (parse_arch, "unett", "unet"),
        (parse_arch, "FCN-8", "fcn8s"),
        (published.config, "voc-fcn8", "voc-fcn8s"),
        (find_entry, "camvd", "camvid"),
        (check_definition, "torchmetric", "torchmetrics"),
        (lambda name: Limits(formats=(name,)), "jpg", "jpeg"),
        (check_trackers, "tensorbord", "tensorboard"),
    ],
)
def test_every_choice_of_names_suggests_one(choose, wrong, near):
    with pytest.raises(FullconvError, match=rf"{wrong}.*; did you mean {near}\?$"):
        choose(wrong)


def test_no_message_sends_to_a_page_that_is_not_installed():
    """docs/ is not in the wheel. Docstrings, comments and addresses on the web may name its pages."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                assert "docs/" not in ast.unparse(node), path
