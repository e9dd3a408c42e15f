"""fullconv predict from the shell, on every kind of picture."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.classes import VOC_NAMES
from fullconv.commands import main
from fullconv.commands.main import fullconv
from tests.commands.shell import COMMAND, FAILED, OK, USAGE, contents, pictures, shell
from tests.conftest import EXAMPLES


def test_masks_have_the_size_of_the_photo_and_bad_files_do_not_stop_the_run(tmp_path):
    from tests.test_images import encoded, huge_header

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

    result = shell("predict", photos, "--out", tmp_path / "out", "--json", "-")

    assert result.returncode == FAILED
    *told, note = result.stderr.splitlines()
    errors = [line for line in told if "I16.png" not in line]
    assert len(told) == len(errors) + 1
    assert "values 9000 to" in result.stderr
    assert note == "note: 1 of 17 photos was reduced to 512 pixels; --tile auto keeps its scale"
    assert len(errors) == len(bad)
    for name in bad:
        assert sum(name in line and line.startswith("error: ") for line in errors) == 1
    reports = {Path(row["file"]).name: row for row in json.loads(result.stdout)["results"]}
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
        (["predict", "nowhere/*.jpg"], "no pictures found"),
        (["predict", "nowhere"], "nowhere: no such file or folder"),
        (["predict", ""], "an input is empty; give a file or a folder, such as ."),
        (["predict", str(EXAMPLES), "--out", ""], "--out: is empty; give a folder, such as ."),
        (
            ["predict", str(EXAMPLES), "--save", "labels,", "overlay"],
            "overlay: no such file or folder; in a list, leave no",
        ),
        (["predict", str(EXAMPLES), "--classes", "cat", "dog"], "in a list, leave no blanks, as in --classes cat,dog"),
        (["predict", "file:///photos/a%20b.jpg"], "is an address; give the path itself, as in /photos/a b.jpg"),
        (["predict", str(EXAMPLES), "--model", "lions"], "no model 'lions'"),
        (["predict", str(EXAMPLES), "--model", "photo"], "did you mean photos?"),
        (["predict", str(EXAMPLES), "--model", "animals"], "no model 'animals' any more; photos has its classes and"),
        (["predict", str(EXAMPLES), "--halo", "64"], "--halo 64: photos are processed in tiles only on request"),
        (["predict", str(EXAMPLES), "--range", "0,3000,0,9"], "--range: 2 pairs for 3 channels"),
        (
            ["predict", str(EXAMPLES), "--simplify", "2"],
            "--simplify: applies to polygons, coco-polygons, labelme, geopackage; add",
        ),
        (["predict", str(EXAMPLES), "--frames", "3"], "--frames: applies to videos"),
        (["predict", str(EXAMPLES), "--workers", "2"], "--workers: only works with --cluster"),
        (["predict", str(EXAMPLES), "--device", "cuda", "--engine", "openvino"], "openvino runs only on the CPU"),
        (
            ["predict", str(EXAMPLES), "--device", "cuda:1", "--engine", "onnxruntime"],
            "onnxruntime runs only on the CPU",
        ),
        (["evaluate", "nowhere"], "no such folder"),
        (["train", "nowhere"], "no such folder"),
        (["export", "nowhere"], "no model 'nowhere'"),
    ],
)
def test_wrong_input_gives_a_one_line_error_and_exit_code_1(arguments, message, tmp_path, monkeypatch, capsys):
    fails_in_one_line(arguments, message, FAILED, tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", str(EXAMPLES), "--save", "label,", "overlay"], "no output 'label'; choose from"),
        (["predict", str(EXAMPLES), "--range", "0,inf"], "--range 0,inf: give two finite numbers"),
        (["predict", str(EXAMPLES), "--bands", "0,1,2"], "--bands 0,1,2: bands are counted from 1"),
        (["predict", str(EXAMPLES), "--save", "maskes"], "did you mean masks?"),
        (["predict", str(EXAMPLES), "--save", ""], "no output is named; choose from labels"),
        (["predict", str(EXAMPLES), "--tile", "0"], "--tile 0: tiles must start on"),
        (["predict", str(EXAMPLES), "--tile", ""], "--tile '': give a side"),
        (["predict", str(EXAMPLES), "--range", "0,3000,5"], "--range 0,3000,5: give pairs"),
        (["predict", str(EXAMPLES), "--device", "banana"], "--device banana: no such device"),
    ],
)
def test_a_value_that_does_not_exist_gives_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    fails_in_one_line(arguments, message, USAGE, tmp_path, monkeypatch, capsys)


def fails_in_one_line(arguments, message, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fullconv", *arguments])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == code
    errors = capsys.readouterr().err.strip()
    assert errors.startswith("error: ")
    assert message in errors
    assert "\n" not in errors
    assert not list(tmp_path.iterdir()), "nothing is left of what was not begun"


@pytest.mark.parametrize(
    "arguments",
    [["--tile", "5"], ["--model", "animal"], ["--save", "x"], ["--halo", "1"], ["--device", "gpu"], ["--frames", "2"]],
)
def test_cheap_mistakes_are_reported_before_torch_is_imported(arguments):
    code = (
        "import sys; from click.testing import CliRunner; from fullconv.commands.main import fullconv\n"
        "result = CliRunner().invoke(fullconv, sys.argv[1:])\n"
        "sys.exit(f'{result.exception}' if 'torch' in sys.modules or not result.exception else 0)"
    )
    command = [sys.executable, "-c", code, "predict", str(EXAMPLES), "--engine", "torch", *arguments]
    assert subprocess.run(command, check=False).returncode == OK
    elsewhere = [sys.executable, "-c", code, "evaluate", "nowhere", "--engine", "torch"]
    assert subprocess.run(elsewhere, check=False).returncode == OK


def test_the_cpu_is_a_device_of_every_engine(tmp_path):
    for engine in ("openvino", "onnxruntime"):
        result = CliRunner().invoke(
            fullconv,
            ["predict", str(EXAMPLES / "chelsea.jpg"), "--out", str(tmp_path), "--engine", engine, "--device", "cpu"],
        )
        assert result.exit_code == OK, result.output


def test_a_mistyped_command_gets_a_suggestion():
    assert "No such command 'predit'; did you mean predict?" in CliRunner().invoke(fullconv, ["predit"]).output


QUICK = ["--engine", "onnxruntime"]


def test_reduced_photos_are_reported_in_one_line(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i, side in enumerate((100, 512, 513, 900)):
        Image.new("RGB", (side, 90)).save(photos / f"{i}.png")
    arguments = ["predict", photos, "--out", tmp_path / "out", "--save", "labels", *QUICK]
    result = shell(*arguments)
    assert result.stderr == "note: 2 of 4 photos were reduced to 512 pixels; --tile auto keeps their scale\n"
    assert shell(*arguments, "--tile", "auto").stderr == ""
    rows = json.loads(shell(*arguments, "--json", "-").stdout)["results"]
    assert [row.get("reduced_to") for row in rows] == [None, None, 512, 512]


def test_links_that_lead_nowhere_fail_and_hidden_folders_are_ignored(tmp_path):
    for name in ("a.png", ".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/b.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / "photos" / name)
    for name in ("gone.png", "disk"):
        (tmp_path / "photos" / name).symlink_to("nowhere")
    result = shell("predict", "photos", "--out", "out", "--save", "labels", "--json", "-", *QUICK, cwd=tmp_path)
    assert result.returncode == FAILED
    assert sorted(line.partition(" (")[0] for line in result.stderr.splitlines()) == [
        "error: photos/disk: a link to nowhere", "error: photos/gone.png: no such file",
    ]  # fmt: skip
    rows = {row["file"]: row.get("error", "") for row in json.loads(result.stdout)["results"]}
    assert sorted(rows) == ["photos/a.png", "photos/disk", "photos/gone.png"]
    assert list(contents(tmp_path / "out")) == ["a_labels.png"]


def test_a_folder_that_cannot_be_read_fails_alone(tmp_path, monkeypatch):
    for name in ("a.png", "locked/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    scan = os.scandir

    def refuse(place):
        if str(place).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    out = str(tmp_path / "out")
    result = CliRunner().invoke(fullconv, ["predict", str(tmp_path), "--out", out, "--save", "labels", *QUICK])
    assert result.exit_code == FAILED
    assert "locked: cannot be read (Permission denied); check its permissions" in result.output
    assert "1 picture, 1 file in" in result.output
    assert "; 1 failed" in result.output
    result = CliRunner().invoke(fullconv, ["predict", str(tmp_path / "locked"), "--out", out, *QUICK])
    assert "locked: cannot be read (Permission denied)" in str(result.exception)


def test_the_users_files_are_never_replaced(tmp_path):
    """The folder has a hand-made a.json, and photos with the names that results would get."""
    photo = Image.open(EXAMPLES / "chelsea.jpg").resize((64, 48))
    for name in ("a.jpg", "a_overlay.jpg", "b.jpg", "b_cat.png", "c.jpg"):
        photo.save(tmp_path / name)
    (tmp_path / "c.json").write_text("by hand")
    mine = contents(tmp_path)
    for _ in range(2):
        result = shell("predict", ".", "--out", ".", "--save", "overlay,labelme", *QUICK, cwd=tmp_path)
        assert result.returncode == FAILED
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert [error.partition(":")[2].split(":")[0].strip() for error in errors] == ["a_overlay.jpg", "c.json"]
        assert "c.json: exists, and no earlier run wrote it; choose another folder" in errors[1]
        assert "--overwrite" in errors[1]
        found = contents(tmp_path)
        assert mine.items() <= found.items()
        assert set(found) - set(mine) == {
            "a_overlay_overlay.jpg", "a_overlay.json", "b.json", "b_overlay.jpg", "b_cat_overlay.jpg", "b_cat.json",
        }  # fmt: skip
    forced = shell("predict", ".", "--out", ".", "--save", "overlay,labelme", "--overwrite", *QUICK, cwd=tmp_path)
    errors = [line for line in forced.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "a_overlay.jpg: a result would replace this input picture" in errors[0]
    assert (tmp_path / "c.json").read_text() != "by hand"


def test_files_that_fullconv_did_not_write_are_left_unchanged(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "chelsea_labels.png").write_bytes(b"by hand")
    for arguments, code in (([], FAILED), (["--resume"], FAILED), (["--overwrite"], OK), ([], OK)):
        result = shell("predict", EXAMPLES / "chelsea.jpg", "--out", out, *QUICK, *arguments)
        assert result.returncode == code, result.stderr
        assert (len(list(out.iterdir())) == 2) == (code == FAILED)


@pytest.mark.parametrize(
    ("name", "what", "code"), [("taken", "is a file", FAILED), ("new.png", "looks like the name of a file", USAGE)]
)
def test_a_file_for_the_results_is_refused(tmp_path, name, what, code):
    (tmp_path / "taken").write_text("in the way")
    commands = [["export", "photos"], ["page"], ["label", EXAMPLES]]
    for command in [["predict", EXAMPLES / "chelsea.jpg"], *commands] if name == "taken" else commands:
        result = shell(*command, "--out", name, cwd=tmp_path)
        assert result.returncode == code
        assert result.stderr.count("\n") == 1
        assert f"--out {name}: {what}, and results go to a folder; give a folder, such as --out " in result.stderr
        assert ("fullconv predict - < in.jpg > out.png" in result.stderr) == (command[0] == "predict")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(("name", "said"), [("new.png", True), ("stack.tif", True), ("v1.2", False)])
def test_a_folder_with_the_name_of_a_file_is_made_and_said(tmp_path, name, said):
    result = shell("predict", EXAMPLES / "chelsea.jpg", "--out", name, *QUICK, cwd=tmp_path)
    assert result.returncode == OK, result.stderr
    assert (tmp_path / name / "chelsea_labels.png").is_file()
    told = f"note: {name} is a folder; for one file: fullconv predict - < in.jpg > out.png"
    assert (told in result.stderr) == said


def test_the_masks_of_a_data_set_are_not_taken_for_photos_silently(tmp_path):
    for name, source in (("images", "chelsea.jpg"), ("masks", "coffee.jpg")):
        (tmp_path / "set" / name).mkdir(parents=True)
        shutil.copy(EXAMPLES / source, tmp_path / "set" / name / "a.jpg")
    result = shell("predict", "set", "--save", "labels", *QUICK, cwd=tmp_path)
    assert result.returncode == OK
    assert "note: the pictures in set/masks look like masks and are segmented too" in result.stderr
    assert "for the photos alone, give set/images" in result.stderr


def test_predict_evaluate_and_models_work_where_torch_cannot_be_imported(tmp_path, one_photo_voc):
    blocker = tmp_path / "sitecustomize.py"
    blocked = ["torch", "torchvision", "timm", "accelerate", "safetensors", "onnx", "onnxruntime"]
    blocker.write_text(f"import sys\nfor name in {blocked}: sys.modules[name] = None\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    imported = subprocess.run([sys.executable, "-c", "import torch"], env=environment, capture_output=True, check=False)
    assert imported.returncode != OK
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


def test_a_video_among_photos(tmp_path):
    """Names, sizes, the manifest, --resume and --json work as for photos. A damaged video does not stop the run."""
    pytest.importorskip("av")
    from tests.jobs.clips import times, write_clip

    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    clip = write_clip(folder / "sub" / "a.mp4", size=(80, 60))
    shutil.copy(EXAMPLES / "chelsea.jpg", folder / "sub" / "a.jpg")
    (folder / "empty.mov").touch()
    result = shell("predict", folder, "--out", out)
    assert result.returncode == FAILED
    assert "80x60 30 frames" in result.stdout
    assert f"1 picture, 1 video, 5 files in {out} (openvino, " in result.stdout
    assert "; 1 failed" in result.stdout
    assert "empty.mov: not a video, empty or damaged" in result.stderr
    assert times(out / "sub" / "a_mp4_overlay.mp4") == times(clip)
    assert (out / "sub" / "a_jpg_labels.png").exists()
    again = shell("predict", folder, "--out", out, "--resume", "--json", "-")
    assert [Path(row["file"]).name for row in json.loads(again.stdout)["results"]] == ["empty.mov"]
    assert again.returncode == FAILED
    assert again.stderr == result.stderr
    written = (out / "predictions.jsonl").read_text()
    table = shell("predict", folder, "--out", out, "--resume")
    assert "2 were finished earlier; 1 failed, 1 of which was not tried again because the file" in table.stdout
    assert (out / "predictions.jsonl").read_text().removeprefix(written).count(
        "\n"
    ) == 1  # only the line of the run itself
    (row,) = json.loads(
        shell("predict", clip, "--out", out, "--save", "labels", "--frames", "7", "--json", "-").stdout
    )["results"]
    assert (row["frames"], row["outputs"]) == (7, [str(out / "a_labels.mkv")])
    refused = shell("predict", clip, "--out", out, "--save", "polygons")
    assert (refused.returncode, refused.stderr.count("\n")) == (FAILED, 1)
    assert "videos support labels, overlay" in refused.stderr


def test_an_object_store_needs_a_cluster():
    result = shell("predict", "s3://bucket/photos")
    assert (result.returncode, result.stderr.count("\n")) == (FAILED, 1)
    assert "--cluster ray" in result.stderr


def test_with_many_pictures_only_totals_are_printed(tmp_path, monkeypatch):
    monkeypatch.setattr("fullconv.commands.predicting.printout.ROWS", 3)
    arguments = ["--out", str(tmp_path), "--save", "labels", "--engine", "onnxruntime"]
    result = CliRunner().invoke(fullconv, ["predict", str(EXAMPLES), *arguments])
    assert result.stdout == f"4 pictures, 4 files in {tmp_path} (onnxruntime, fp32)\n1 file skipped: .md\n"
    assert len(pictures(tmp_path)) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_line_break_in_a_name_does_not_break_the_row(tmp_path):
    shutil.copyfile(EXAMPLES / "chelsea.jpg", tmp_path / "new\nline.jpg")
    printed = shell("predict", tmp_path, "--out", tmp_path / "out", "--save", "labels").stdout.splitlines()
    assert len(printed) == 2
    assert "new\\nline.jpg" in printed[0]


def test_a_file_name_that_is_not_utf8_is_processed_like_others(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        shutil.copy(EXAMPLES / "chelsea.jpg", tmp_path / name)
    except (OSError, UnicodeError):
        pytest.skip("the file system takes UTF-8 only")
    arguments = ["predict", os.fsencode(tmp_path), "--out", tmp_path / "out", "--save", "polygons,coco,labelme"]
    for form in ([], ["--json", "-"], ["--resume"]):
        result = subprocess.run([*COMMAND, *arguments, *form], capture_output=True, check=False, timeout=300)
        assert (result.returncode, result.stderr) == (OK, b"")
    assert b"1 was finished earlier" in result.stdout


@pytest.fixture
def one_photo_voc(tmp_path):
    """A VOC devkit with one photo that is labelled as all cat."""
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
    assert list(numbers) == ["version", *four, "boundary_iou", "per_class", "confusion", "definition"]
    assert f"{numbers['per_class']['cat']['iou']:.4f}" in result.output
    assert numbers["per_class"]["cat"]["pixels"] == 300 * 451


def test_models_as_json():
    rows = json.loads(CliRunner().invoke(fullconv, ["models", "--json", "-"]).output)["models"]
    assert {row["name"]: len(row["classes"]) for row in rows} == {"camvid": 11, "photos": 21}
    assert rows[1]["classes"] == list(VOC_NAMES)
    assert (rows[0]["test"], rows[1]["test"]["mean_iou"]) == (None, 0.865)
    assert set(rows[1]["test"]["classes"]) < set(VOC_NAMES)
    assert all(row["megabytes"] <= 18 for row in rows)


def test_models_say_what_their_mean_iou_was_measured_on():
    lines = CliRunner().invoke(fullconv, ["models"]).output.splitlines()
    assert "mean IoU 0.719 (val, 11 classes)" in lines[0]
    val = "0.377 (val, 21 classes of which 4 are in no mask and count as 0)"
    assert f"mean IoU 0.865 (test, 7 classes) and {val}" in lines[1]
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    assert all(re.search(r"mean IoU (0\.\d+)", line)[1] in page for line in lines)


def test_a_mistyped_option_is_a_usage_error():
    assert CliRunner().invoke(fullconv, ["predict", "x.jpg", "--modell", "photos"]).exit_code == USAGE


def test_a_mistyped_choice_is_a_usage_error_with_a_suggestion():
    result = CliRunner().invoke(fullconv, ["predict", "x.jpg", "--engine", "opnvino"])
    assert result.exit_code == USAGE
    assert "'opnvino' is not one of 'auto', 'openvino', 'torch', 'onnxruntime'; did you mean openvino?" in result.stderr


def test_a_folder_of_results_in_use_is_refused(tmp_path):
    from fullconv.locks import locked

    with locked(tmp_path / "out"):
        result = shell("predict", EXAMPLES / "chelsea.jpg", "--out", tmp_path / "out")
    assert (result.returncode, result.stdout) == (FAILED, "")
    assert result.stderr.startswith(f"error: {tmp_path / 'out'}: in use by process {os.getpid()} on")
    assert shell("predict", tmp_path, "--out", tmp_path / "out").returncode == FAILED  # no pictures found
    assert not (tmp_path / "out").exists()


def test_polygons_of_photos_are_simplified_if_requested(tmp_path):
    pytest.importorskip("shapely", "2.1")
    sizes = []
    for simplify in ("0", "2"):
        out = tmp_path / simplify
        command = [
            "predict",
            str(EXAMPLES / "chelsea.jpg"),
            "--save",
            "labelme",
            "--simplify",
            simplify,
            "--out",
            str(out),
        ]
        assert CliRunner().invoke(fullconv, command).exit_code == 0
        shapes = json.loads((out / "chelsea.json").read_text())["shapes"]
        sizes.append(sum(len(shape["points"]) for shape in shapes))
    assert 0 < 3 * sizes[1] < sizes[0]
