"""The page about a model: whole in itself, the worst picture first, names made harmless."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.classes import Classes
from fullconv.commands.main import fullconv
from fullconv.evaluation.scoring import numbers_of, score
from fullconv.figures.report import PICTURES, Subject, assumed_in, errors, page
from fullconv.prediction.predictor import Model
from tests.discs import draw_photo
from tests.training_pictures import CONFIG


class Brightness:
    """An engine: what is bright is a disc."""

    name, precision = "none", "fp32"

    def label_maps(self, images):
        return (images.mean(-1) > 120).astype(np.uint8)

    def room(self, channels=3, scores=False):
        return 10**9


@pytest.fixture
def scored(tmp_path):
    """(model, what it makes of three discs)"""
    model = Model(CONFIG, Brightness())
    for i in range(3):
        image, label_map = draw_photo((64, 80), seed=i)
        for kind, array in (("images", image), ("masks", label_map)):
            (tmp_path / kind / "val").mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / kind / "val" / f"<{i}>.png")
    (tmp_path / "data.yaml").write_text(f"names: [{', '.join(model.classes.names[:2])}]\n")
    return model, score(model, tmp_path)


def test_the_page_holds_everything_itself(scored):
    model, found = scored
    text = page(model, Subject("a & b", numbers_of(found), found.pictures))
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "http" not in text
    assert "<title>a &amp; b</title>" in text
    assert text.count("<figure") == 3
    assert text.count("data:image/jpeg") == 3 * 4


def test_the_worst_comes_first_and_names_are_harmless(scored):
    model, found = scored
    text = page(model, Subject("x", numbers_of(found), found.pictures))
    scores = [float(value) for value in re.findall(r"mean IoU (\d\.\d+)[;<]", text)]
    assert scores == sorted(scores)
    assert len(scores) == 3
    assert "<0>" not in text
    assert "&lt;0&gt;" in text


def test_more_pictures_than_a_page_holds(scored):
    model, found = scored
    text = page(model, Subject("x", numbers_of(found), found.pictures * PICTURES))
    assert text.count("<figure") == PICTURES


def test_what_was_assumed_and_how_to_go_on_are_told(scored, tmp_path):
    model, found = scored
    (tmp_path / "assumed.yaml").write_text("# What was assumed\n# masks hold 0 < 1\nnames: [a, b]\n# no head\n")
    lines = list(assumed_in(tmp_path / "assumed.yaml"))
    subject = Subject("x", numbers_of(found), found.pictures, lines[:1], (), ("fullconv predict 'a<b'",))
    text = page(model, subject)
    assert "<li>masks hold 0 &lt; 1</li>" in text
    assert "fullconv predict &#x27;a&lt;b&#x27;" in text
    assert list(assumed_in(tmp_path / "none.yaml")) == []


def test_where_a_prediction_is_wrong():
    shown = errors(np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8), Classes.named(["a"]).void)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 3


def test_other_files_than_pages_are_refused(tmp_path):
    result = CliRunner().invoke(fullconv, ["evaluate", str(tmp_path), "--report", "page.pdf"])
    assert result.exit_code != 0
    assert "ends in .html" in str(result.output) + str(result.exception)
