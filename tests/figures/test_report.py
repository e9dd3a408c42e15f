"""The page about a model: whole in itself, the worst picture first, names made harmless."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.classes import Classes
from fullconv.commands.main import fullconv
from fullconv.evaluation.scoring import numbers_of, score
from fullconv.figures.report import PICTURES, RIGHT, WRONG, Subject, assumed_in, errors, page
from fullconv.overlay import colours
from fullconv.prediction.predictor import Model
from tests.discs import draw_photo
from tests.serving.browsers import Visit, chromium, node_modules
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


@pytest.mark.parametrize("has_void", [False, True])
def test_the_legend_lists_void_if_there_is_any(scored, tmp_path, has_void):
    model, found = scored
    mask = tmp_path / "masks" / "val" / "<1>.png"
    label_map = np.array(Image.open(mask))
    label_map[:5] = 255 if has_void else label_map[:5]
    Image.fromarray(label_map).save(mask)
    text = page(model, Subject("x", numbers_of(found), found.pictures))
    assert ("</span>void" in text) == has_void


def test_more_pictures_than_a_page_holds(scored):
    model, found = scored
    text = page(model, Subject("x", numbers_of(found), found.pictures * PICTURES))
    assert text.count("<figure") == PICTURES


def test_the_page_shows_assumptions_and_next_commands(scored, tmp_path):
    model, found = scored
    (tmp_path / "assumed.yaml").write_text("# What was assumed\n# masks hold 0 < 1\nnames: [a, b]\n# no head\n")
    lines = list(assumed_in(tmp_path / "assumed.yaml"))
    subject = Subject("x", numbers_of(found), found.pictures, lines[:1], (), ("fullconv predict 'a<b'",))
    text = page(model, subject)
    assert "<li>masks hold 0 &lt; 1</li>" in text
    assert "fullconv predict &#x27;a&lt;b&#x27;" in text
    assert list(assumed_in(tmp_path / "none.yaml")) == []


def test_the_page_says_what_computed_its_scores(scored):
    model, found = scored
    plain = page(model, Subject("x", numbers_of(found), found.pictures))
    assert "without void pixels, with none in fp32.</p>" in plain
    told = page(model, Subject("x", numbers_of(found), found.pictures, history=[{"epoch": 1, "loss": 1.0}]))
    assert "with none in fp32. The curves and the model card are from training, which evaluates with torch" in told


def test_no_class_has_the_colour_of_errors():
    shown = colours(Classes.named([f"class {i}" for i in range(60)]))
    assert min(sum(abs(a - b) for a, b in zip(WRONG, colour, strict=True)) for colour in shown) > 150
    assert sum(RIGHT) - sum(WRONG) > 450


def test_where_a_prediction_is_wrong():
    shown = errors(np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8), Classes.named(["a"]).void)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 3


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return node_modules(tmp_path_factory.mktemp("npm")) / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, {"width": 390, "height": 800}], ids=str)
def test_in_a_browser_the_pictures_are_filtered_and_nothing_is_fetched(scored, tmp_path, browser, axe, viewport):
    model, found = scored
    path = tmp_path / "report.html"
    text = page(model, Subject("x", numbers_of(found), found.pictures))
    path.write_text(text.replace('data-classes="0 1"', 'data-classes="0"', 1), encoding="utf-8")
    one = Visit(browser, path.as_uri(), viewport=viewport, bypass_csp=True)
    assert one.page.inner_text("#shown") == "3 of 3 pictures"
    one.page.fill("#name", "<1>")
    assert one.page.inner_text("#shown") == "1 of 3 pictures"
    assert one.page.locator("#gallery figure:visible").count() == 1
    one.page.fill("#name", "")
    for index, pictures in (("0", 3), ("1", 2)):
        one.page.select_option("#class", index)
        assert one.page.locator("#gallery figure:visible").count() == pictures
    assert one.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    one.page.add_script_tag(path=axe)
    serious = [v for v in one.page.evaluate("axe.run()")["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == []
    assert (one.said, one.elsewhere) == ([], [])
    one.context.close()


def test_other_files_than_pages_are_refused(tmp_path):
    result = CliRunner().invoke(fullconv, ["evaluate", str(tmp_path), "--report", "page.pdf"])
    assert result.exit_code != 0
    assert "ends in .html" in str(result.output) + str(result.exception)
