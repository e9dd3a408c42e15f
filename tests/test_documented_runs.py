"""What the command lines of README.md and docs/ do: each is run, page by page, on small data; a few are only parsed."""

import os
import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.commands.main import fullconv
from fullconv.weights.model_folder import BUNDLED
from tests.discs import draw_photo
from tests.test_documented_commands import PAGES, command_lines

ROOT = Path(__file__).parent.parent
CHELSEA = ROOT / "examples" / "chelsea.jpg"
# Trainings of one epoch on small crops: settings from the environment, which every option takes.
SHORT = {"EPOCHS": "1", "CROP_SIZE": "64", "BATCH_SIZE": "4", "WORKERS": "0", "PRECISION": "fp32"}
ONLY_PARSED = {
    "s3://": "needs an object store",
    "predict -": "reads standard input; tests/commands runs it",
    "convert caffe": "needs the published weights, half a gigabyte",
    "voc-fcn8s": "needs the published weights, half a gigabyte",
    "download": "needs the network; tests/commands/test_download_command.py runs it against a local server",
    "data/voc2012": "needs that download",
    "THAT_PATH": "needs a file of ImageNet weights",
    "imagenet": "needs a hub, or a package with ImageNet weights",
    "tensorboard,wandb": "needs an account; tests/training/test_trackers.py runs each with a stand-in",
    "serve": "runs until it is stopped; tests/serving runs it",
    "page --model": "needs a folder of npm's; tests/serving runs it",
    "--time 10m": "takes ten minutes; tests/training/test_fitting.py runs it with less",
    "--epochs 40": "takes minutes, as --epochs 1 does not",
    "--epochs 80": "takes minutes; tests/training/test_fitting.py makes a run longer",
    "https://": "needs the network; tests/jobs/test_addresses.py runs it against a local server",
    "hf://": "needs the Hugging Face hub; tests/weights/test_hub.py runs it against a local server",
    "push": "needs the Hugging Face hub; tests/weights/test_hub.py runs it against a local server",
    "check my-data/ --model": "wants a run trained on that folder; tests/commands/test_check.py runs it",
    "explain ladder": "needs the nets of benchmarks/ladder.py",
}


def reason_to_parse_only(words: list[str]) -> str | None:
    line = shlex.join(words)
    missing = "geo" if "scene.tif" in line and find_spec("rasterio") is None else None
    missing = "video" if "clip.mp4" in line and find_spec("av") is None else missing
    return (
        f"needs the extra {missing}"
        if missing
        else next((ONLY_PARSED[key] for key in ONLY_PARSED if key in line), None)
    )


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """The files that the docs speak of, and runs/first as `train data.yaml` leaves it."""
    folder = tmp_path_factory.mktemp("documented")
    write_pictures(folder)
    for data in ("my-data", "test-data", "data", "moved"):
        write_data(folder / data)
    for data in ("my-data", "test-data"):
        (folder / data / "data.yaml").unlink()  # a bare folder
    shutil.copy(folder / "data" / "data.yaml", folder / "data.yaml")
    text = (folder / "data.yaml").read_text()
    (folder / "data.yaml").write_text(text.replace("path: .", "path: data"))
    for model in ("runs/roofs/model", "my-model"):
        shutil.copytree(BUNDLED / "photos", folder / model)
    for name in ("examples", "recipes"):
        (folder / name).symlink_to(ROOT / name)
    execute(folder, ["train", "data.yaml", "--out", "runs/first"])
    return folder


def write_pictures(folder: Path) -> None:
    (folder / "photos" / "sub").mkdir(parents=True)
    (folder / "docs" / "figures").mkdir(parents=True)
    shutil.copy(CHELSEA, folder / "photo.jpg")
    shutil.copy(ROOT / "docs" / "figures" / "two-cats.jpg", folder / "docs" / "figures")
    for name in ("photos/a.jpg", "photos/sub/b.png", "mosaic.png"):
        Image.open(CHELSEA).resize((160, 128)).save(folder / name)
    (folder / "more-photos").mkdir()  # which nobody has labelled
    for name in ("astronaut", "coffee"):
        Image.open(ROOT / "examples" / f"{name}.jpg").resize((160, 128)).save(folder / "more-photos" / f"{name}.jpg")
    if find_spec("rasterio"):
        from tests.prediction.scenes import blobs, write_scene

        write_scene(folder / "scene.tif", blobs(96, 128, 4).astype(np.uint16) * 40)
    if find_spec("av"):
        from tests.jobs.clips import write_clip

        write_clip(folder / "clip.mp4", frames=8)


def write_data(root: Path) -> None:
    for i in range(10):
        image, label_map = draw_photo((64, 80), seed=i)
        for kind, array in (("images", image), ("masks", label_map)):
            place = root / kind / ("train" if i < 7 else "val")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(array)).save(place / f"{i:02}.png")
    (root / "data.yaml").write_text("path: .\nnames: [background, cat]\n")  # photos, the teacher, knows both


def execute(folder: Path, words: list[str]) -> None:
    """One command line, in `folder`; trainings are made short."""
    fixed = "--resume" in words or "--from" in words
    if words[0] == "train" and "--resume" not in words:
        make_room(folder, words)
    short = {} if fixed else {f"FULLCONV_TRAIN_{key}": value for key, value in SHORT.items()}
    before = os.getcwd()
    os.chdir(folder)
    try:
        result = CliRunner().invoke(fullconv, words, env=short)
    finally:
        os.chdir(before)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, f"fullconv {shlex.join(words)}: {result.output}"


def make_room(folder: Path, words: list[str]) -> None:
    """Removes the run of an earlier line that would be in the way."""
    named = [words[words.index("--out") + 1]] if "--out" in words else []
    for out in (*named, "runs/train", "runs/first-again"):
        shutil.rmtree(folder / out, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if command_lines(page)], ids=lambda page: page.name)
def test_the_command_lines_of_a_page_run(page, first_run, tmp_path, monkeypatch):
    # Models trained here stay without model.onnx and predict with torch: each export takes as long as ten trainings.
    monkeypatch.setattr("fullconv.training.finishing.export_onnx", lambda folder: None)
    shutil.copytree(first_run, tmp_path / "there", symlinks=True)
    for words in command_lines(page):
        if reason_to_parse_only(words) is None:
            execute(tmp_path / "there", words)


def test_most_are_run():
    lines = [words for page in PAGES for words in command_lines(page)]
    assert sum(reason_to_parse_only(words) is None for words in lines) > 0.6 * len(lines)
