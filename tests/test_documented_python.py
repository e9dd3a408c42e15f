"""Every Python block of README.md and docs/ runs: page by page, from top to bottom, in a folder with the files that the
page names. The pages in docs/how-to/ have a test of their own, which changes a copy of the source first."""

import logging
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import fullconv
from fullconv.commands.main import fullconv as command
from fullconv.weights.model_folder import BUNDLED
from tests.test_documented_runs import write_data

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "how-to")]
BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
IMPORT = re.compile(r"^(import \w|from [\w.]+ import )", re.MULTILINE)


def python_blocks(page):
    return [text for language, text in BLOCK.findall(page.read_text()) if language == "python"]


def run(name, names, instead=("", "")):
    """Runs the blocks of a page. `names`: what is defined already, and is changed. `instead`: a text and what takes its
    place."""
    for block in python_blocks(ROOT / name):
        exec(compile(block.replace(*instead), name, "exec"), names)
    return names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with examples/, and with a photo that the pages call dog.jpg or photo.jpg."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name in ("dog.jpg", "photo.jpg"):
        shutil.copy(ROOT / "examples" / "chelsea.jpg", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def logger():
    """The logger of fullconv, which is as before at the end."""
    logger = logging.getLogger("fullconv")
    before = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


def test_readme(folder):
    result = run("README.md", {})["result"]
    assert result == fullconv.predict("examples/chelsea.jpg")
    assert {path.name for path in Path("masks").iterdir()} >= {"dog_labels.png", "dog_cat.png", "dog_overlay.jpg"}


def test_python(folder, disc_data, logger):
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("pandas")
    shutil.copytree(disc_data.parent, folder / "discs")
    label_map = run("docs/python.md", {})["label_map"]
    assert Path("masks/chelsea_cat.png").is_file()
    alike = fullconv.load("photos", engine="onnxruntime", precision="fp32").predict("examples/chelsea.jpg")
    assert (label_map == alike.label_map).all()  # of the block without fullconv


def test_the_handler_for_messages_prints_no_lines_of_other_libraries(logger, capsys):
    (block,) = [block for block in python_blocks(ROOT / "docs" / "python.md") if "logging" in block]
    exec(compile(block, "docs/python.md", "exec"), {})
    logger.info("epoch 1/2")
    logging.getLogger("onnxscript").info("Skipping constant folding")
    assert capsys.readouterr() == ("", "epoch 1/2\n")


def test_explain(folder):
    pytest.importorskip("torch")
    step = run("docs/explain.md", {})["step"]
    assert (step.rows.stride, step.rows.size) == (16, 475)


def test_metrics(folder):
    write_data(folder / "my-data")
    shutil.copytree(BUNDLED / "photos", folder / "runs" / "first" / "model")
    report = run("docs/metrics.md", {})["report"]
    assert 0 < report["mean_iou"] < 1
    assert len(report["worst"]) == 3


def test_outputs(folder):
    pytest.importorskip("av", reason="the extra video is not installed")
    from tests.jobs.clips import write_clip

    fullconv.load("photos").predict("dog.jpg", scores=True).save("masks", outputs=["scores", "coco-polygons"])
    write_clip(folder / "clip.mp4", frames=2)
    done = CliRunner().invoke(command, ["predict", "clip.mp4", "--out", ".", "--save", "labels"])
    assert done.exit_code == 0, done.output
    found = run("docs/outputs.md", {})
    assert found["probabilities"].sum(0) == pytest.approx(1, abs=1e-3)
    assert [image["file_name"] for image in found["whole"]["images"]] == ["dog.jpg"]
    assert found["label_map"].shape == (64, 96)


def test_serving(folder):
    pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    from tests.serving.running import running

    with running() as server:
        answer = run("docs/serving.md", {}, ("127.0.0.1:8000", server.address.removeprefix("http://")))["answer"]
    assert answer.as_numpy("label_map").shape == (300, 451)


def test_integrations(folder):
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    pytest.importorskip("torch")
    first, second = python_blocks(ROOT / "docs" / "integrations.md")
    names: dict[str, object] = {}
    exec(compile(first, "docs/integrations.md", "exec"), names)
    result, detections = names["result"], names["detections"]
    assert isinstance(detections, supervision.Detections)
    assert list(detections["class_name"]) == ["cat"]
    assert (detections.mask[0] == result.mask("cat")).all()
    assert detections.confidence[0] == pytest.approx(result.confidence[result.mask("cat")].mean())
    assert (names["picture"] != result.image[:, :, ::-1]).any()
    exec(compile(second, "docs/integrations.md", "exec"), names)
    again = names["detections"]
    assert (again.mask[list(again["class_name"]).index("cat")] == result.mask("cat")).all()


TESTS = {
    "README.md": test_readme, "docs/explain.md": test_explain, "docs/integrations.md": test_integrations,
    "docs/metrics.md": test_metrics, "docs/outputs.md": test_outputs, "docs/python.md": test_python,
    "docs/serving.md": test_serving,
}  # fmt: skip


def test_every_page_with_python_has_its_test():
    assert {page.relative_to(ROOT).as_posix() for page in PAGES if python_blocks(page)} == set(TESTS)


def test_python_is_marked_as_python():
    for page in PAGES:
        for language, text in BLOCK.findall(page.read_text()):
            assert language or not IMPORT.search(text), f"{page.name}: write ```python before\n{text}"
