"""The main job from the shell, on every kind of picture."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import EXAMPLES
from PIL import Image

from fullconv.commands import main
from fullconv.commands.main import fullconv

OK, FAILED, USAGE = 0, 1, 2


def shell(*arguments, **options) -> subprocess.CompletedProcess:
    """The command as a user types it, in a process of its own."""
    code = "from fullconv.commands.main import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_photos_of_every_kind_keep_their_size_and_bad_files_do_not_stop_them(tmp_path):
    from test_images import encoded, huge_header

    photos = tmp_path / "photos"
    photos.mkdir()
    small = Image.open(EXAMPLES / "chelsea.jpg").resize((64, 48))
    sizes = {"1x1": (1, 1), "31x33": (31, 33), "500x375": (500, 375), "4000x3000": (4000, 3000)}
    for name, size in sizes.items():
        small.resize(size).save(photos / f"{name}.png")
    for mode in ("L", "P", "RGBA", "I;16"):
        picture = Image.new(mode, (64, 48), 9000) if mode == "I;16" else small.convert(mode)
        picture.save(photos / f"{mode.replace(';', '')}.png")
    small.convert("CMYK").save(photos / "cmyk.jpg")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        small.save(photos / f"turn{orientation}.jpg", exif=exif)
    bad = {
        "text.jpg": b"hello", "empty.png": b"", "huge.png": huge_header(),
        "truncated.jpg": encoded(Image.open(EXAMPLES / "chelsea.jpg"), "JPEG")[:5000],
    }  # fmt: skip
    for name, content in bad.items():
        (photos / name).write_bytes(content)

    result = shell("predict", photos, "--out", tmp_path / "out", "--json")

    assert result.returncode == FAILED
    errors = result.stderr.splitlines()
    assert len(errors) == len(bad)
    for name in bad:
        assert sum(name in line and line.startswith("error: ") for line in errors) == 1
    reports = {Path(row["file"]).name: row for row in json.loads(result.stdout)}
    assert len(reports) == len(sizes) + 4 + 1 + 8 + len(bad)
    for name, row in reports.items():
        if name in bad:
            assert "error" in row
            continue
        stem = Path(name).stem
        expected = sizes.get(stem, (48, 64) if stem in ("turn5", "turn6", "turn7", "turn8") else (64, 48))
        assert (row["width"], row["height"]) == expected
        with Image.open(tmp_path / "out" / f"{stem}_labels.png") as labels:
            assert labels.size == expected
        assert sum(row["classes"].values()) == pytest.approx(1)
        assert all(Path(path).exists() for path in row["outputs"])
    assert not list((tmp_path / "out").glob(".*"))


def test_a_cat_is_found_where_the_cat_is(tmp_path):
    result = shell("predict", EXAMPLES / "chelsea.jpg", "--out", tmp_path)
    assert result.returncode == OK, result.stderr
    assert "451x300" in result.stdout
    assert "cat" in result.stdout
    mask = np.array(Image.open(tmp_path / "chelsea_cat.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert mask[150, 225] == 255  # the middle of its face
    assert mask[20, 440] == 0  # the blanket in the corner
    assert {path.name for path in tmp_path.iterdir()} >= {
        "chelsea_labels.png",
        "chelsea_background.png",
        "chelsea_overlay.jpg",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "nowhere/*.jpg"], "no pictures there"),
        (["predict", str(EXAMPLES), "--model", "lions"], "no model 'lions'"),
        (["predict", str(EXAMPLES), "--save", "maskes"], "choose among"),
        (["evaluate", "nowhere"], "no such folder"),
        (["train", "nowhere"], "no such folder"),
        (["export", "nowhere"], "no model 'nowhere'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_1(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fullconv", *arguments])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == FAILED
    errors = capsys.readouterr().err.strip()
    assert errors.startswith("error: ")
    assert message in errors
    assert "\n" not in errors


def test_a_full_disk_or_forbidden_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = shell("predict", EXAMPLES / "chelsea.jpg", "--out", tmp_path / "file")
    assert result.returncode == FAILED
    assert result.stderr.count("\n") == 1
    assert "cannot be written" in result.stderr


def test_predict_evaluate_and_models_work_where_torch_cannot_be_imported(tmp_path, one_photo_voc):
    blocker = tmp_path / "sitecustomize.py"
    blocked = ["torch", "torchvision", "timm", "accelerate", "safetensors", "onnx", "onnxruntime"]
    blocker.write_text(f"import sys\nfor name in {blocked}: sys.modules[name] = None\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    proof = subprocess.run([sys.executable, "-c", "import torch"], env=environment, capture_output=True, check=False)
    assert proof.returncode != OK
    for arguments in (
        ["predict", EXAMPLES / "chelsea.jpg", "--out", tmp_path / "out"],
        ["evaluate", one_photo_voc],
        ["models"],
    ):
        result = shell(*arguments, env=environment)
        assert result.returncode == OK, result.stderr
    result = shell("train", one_photo_voc, env=environment)
    assert result.returncode == FAILED
    assert "pip install 'fullconv[train]'" in result.stderr


@pytest.fixture
def one_photo_voc(tmp_path):
    """A VOC devkit of one photo, whose truth is a cat all over."""
    root = tmp_path / "voc"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    Image.open(EXAMPLES / "chelsea.jpg").save(root / "JPEGImages" / "a.jpg")
    Image.fromarray(np.full((300, 451), 8, np.uint8)).save(root / "SegmentationClass" / "a.png")
    for split in ("train", "val"):
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("a\n")
    return root


def test_evaluate_writes_what_it_prints(one_photo_voc, tmp_path):
    result = CliRunner().invoke(fullconv, ["evaluate", str(one_photo_voc), "--json", str(tmp_path / "n.json")])
    assert result.exit_code == OK
    numbers = json.loads((tmp_path / "n.json").read_text())
    four = ["pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou"]  # the paper's
    assert list(numbers) == [*four, "boundary_iou", "per_class", "confusion"]
    assert f"{numbers['per_class']['cat']['iou']:.4f}" in result.output
    assert numbers["per_class"]["cat"]["pixels"] == 300 * 451


def test_models_as_json():
    (row,) = json.loads(CliRunner().invoke(fullconv, ["models", "--json"]).output)
    assert row["name"] == "animals"
    assert row["classes"] == ["background", "cat", "cow", "dog", "horse", "person", "sheep"]
    assert row["megabytes"] <= 16


def test_a_mistyped_option_is_a_usage_error():
    assert CliRunner().invoke(fullconv, ["predict", "x.jpg", "--modell", "animals"]).exit_code == USAGE
