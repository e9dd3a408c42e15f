"""Rasters from the shell: killed runs, a full disk, damaged files, rasters among photos."""

import json
import shutil
import subprocess
import time

import numpy as np
import pytest

from tests.commands.shell import COMMAND, FAILED, OK, USAGE, shell
from tests.commands.test_predict_interrupted import small_disk  # noqa: F401
from tests.conftest import EXAMPLES
from tests.prediction.scenes import blobs, save_bright_model, write_scene

rasterio = pytest.importorskip("rasterio")
EVERYTHING = ["--save", "labels,masks,overlay,scores,polygons,geopackage", "--engine", "onnxruntime"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_bright_model(tmp_path_factory.mktemp("bright"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A raster of 700x900 pixels, a third of it without data."""
    array = blobs(700, 900, cell=40)
    array[:, :300] = 0
    return write_scene(tmp_path_factory.mktemp("scenes") / "north.tif", array, nodata=0)


@pytest.fixture(scope="module")
def whole(scene, model, tmp_path_factory):
    """The files of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole")
    assert shell("predict", scene, "--model", model, "--tile", 64, *EVERYTHING, "--out", out).returncode == OK
    return out


def contents(out):
    """Returns the finished files, without the manifest."""
    files = [path for path in out.iterdir() if path.is_file() and not path.name.startswith(".")]
    return {path.name: path.read_bytes() for path in files if path.name != "predictions.jsonl"}


def pieces(out):
    return len(list(out.glob(".north.parts/*.npz")))


def test_a_killed_and_resumed_run_gives_the_same_results(scene, model, whole, tmp_path):
    killed = tmp_path / "killed"
    arguments = ["predict", scene, "--model", model, "--tile", 64, *EVERYTHING, "--out", killed, "--resume"]
    with subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while pieces(killed) < 30 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        process.kill()
    assert 30 <= pieces(killed) < 11 * 15
    assert contents(killed) == {}
    result = shell(*arguments)

    assert result.returncode == OK, result.stderr
    assert contents(killed) == contents(whole)
    assert len(contents(killed)) == 10
    assert not list(killed.rglob(".*"))


def test_results_are_made_again_if_a_run_was_killed_while_it_joined_them(scene, model, whole, tmp_path):
    killed, arguments = tmp_path / "killed", ["predict", scene, "--model", model, "--tile", 64, *EVERYTHING]
    dying = "{'.geojson': lambda _: os._exit(9)}"
    code = "from fullconv.outputs import georeferenced; import os; "
    code += f"georeferenced.MOSAIC_WRITERS['polygons'] = lambda _, target: {dying}; "
    command = [COMMAND[0], "-c", code + COMMAND[2], *arguments, "--out", killed]
    assert subprocess.run(list(map(str, command)), check=False, timeout=300).returncode == 9
    written = contents(killed)
    assert len(written) > 2
    result = shell(*arguments, "--out", killed, "--resume")
    assert result.returncode == OK, result.stderr
    assert contents(killed) == contents(whole)
    assert written.items() <= contents(killed).items()
    assert not list(killed.rglob(".*"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_full_disk_gives_a_one_line_error_and_no_damaged_files(scene, model, whole, small_disk, tmp_path, share):  # noqa: F811
    """The disk has room for only a share of the files."""
    kept = tmp_path / "kept"
    kilobytes = int(share * sum(map(len, contents(whole).values())) / 1024)
    result = small_disk(kilobytes, kept, scene, "--model", model, "--tile", 64, *EVERYTHING)
    assert result.returncode == FAILED, result.stdout
    assert result.stderr.count("\n") == 1, result.stderr
    assert "No space left on device; free some space, then run again with --resume" in result.stderr
    expected = contents(whole)
    assert all(content == expected[name] for name, content in contents(kept / "out").items())


def test_damaged_rasters_are_reported_and_the_others_are_processed(scene, model, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    content = scene.read_bytes()
    (folder / "cut.tif").write_bytes(content[: len(content) // 2])
    (folder / "text.tif").write_bytes(b"hello")
    (folder / "whole.tif").write_bytes(content)
    shutil.copy(EXAMPLES / "chelsea.jpg", folder)
    arguments = ["--model", model, "--out", tmp_path / "out", "--engine", "onnxruntime", "--save", "labels"]
    result = shell("predict", folder, *arguments, "--json", "-")
    assert result.returncode == FAILED
    errors = result.stderr.splitlines()
    assert len(errors) == 2, result.stderr
    assert "cut.tif: damaged raster" in errors[0]
    assert "text.tif: not an image" in errors[1]
    assert [len(entry.get("outputs", ())) for entry in json.loads(result.stdout)["results"]] == [1, 0, 0, 2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--bands", "1,x"], "1,x: give numbers"),
        (["--range", "1,2,3"], "1,2,3: give pairs"),
        (["--range", "5,2"], "give the lower value first"),
        (["--bands", "7,8,9"], "there is no band 7; the file has 3 bands"),
        (["--bands", "0,1,2"], "bands are counted from 1"),
        (["--range", "0,inf"], "give two finite numbers"),
        (["--tile", "100"], "multiple of 32, or auto"),
        (["--save", "labelme"], "labelme in --save is for photos; for rasters, save geopackage or polygons instead"),
    ],
)
def test_impossible_options_give_a_one_line_error(scene, model, tmp_path, arguments, told):
    result = shell("predict", scene, "--model", model, "--out", tmp_path, "--engine", "onnxruntime", *arguments)
    assert result.returncode in (FAILED, USAGE)
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_for_photos_is_refused_once_for_all_rasters(scene, model, tmp_path):
    folder, options = (
        tmp_path / "tiles",
        ["--model", model, "--engine", "onnxruntime", "--save", "labels,coco-polygons"],
    )
    folder.mkdir()
    for name in "abc":
        shutil.copy(scene, folder / f"{name}.tif")
    result = shell("predict", folder, *options, "--out", tmp_path / "out")
    told = f"error: {folder}: coco-polygons in --save is for photos; for rasters, save geopackage or polygons instead\n"
    assert (result.returncode, result.stderr) == (FAILED, told)
    assert not (tmp_path / "out").exists()


def test_a_photo_is_processed_although_rasters_beside_it_cannot_have_its_output(scene, model, tmp_path):
    folder, options = tmp_path / "mixed", ["--model", model, "--engine", "onnxruntime", "--save", "labelme"]
    folder.mkdir()
    shutil.copy(scene, folder)
    shutil.copy(EXAMPLES / "chelsea.jpg", folder)
    result = shell("predict", folder, *options, "--out", tmp_path / "out")
    assert result.returncode == FAILED
    assert "north.tif: labelme in --save is for photos" in result.stderr
    assert (tmp_path / "out" / "chelsea.json").exists()


def test_without_rasterio_the_extra_is_named(scene, model, tmp_path):
    code = "import sys; sys.modules['rasterio'] = None; from fullconv.commands.main import main; main()"
    command = [COMMAND[0], "-c", code, "predict", scene, EXAMPLES / "chelsea.jpg", "--model", model, "--out", tmp_path]
    result = subprocess.run(
        [*map(str, command), "--engine", "onnxruntime"], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == FAILED
    assert result.stderr == "error: rasterio is not installed; run: pip install 'fullconv[geo]'\n"
    assert (tmp_path / "chelsea_labels.png").exists()


def test_a_bar_counts_windows(scene, model, tmp_path):
    pty = pytest.importorskip("pty")
    import os

    ours, theirs = pty.openpty()
    command = [
        *COMMAND,
        "predict",
        scene,
        "--model",
        model,
        "--out",
        tmp_path,
        "--tile",
        256,
        "--engine",
        "onnxruntime",
    ]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == OK
    assert b"north.tif" in seen
    assert b"100%" in seen


def test_with_an_exact_halo_results_do_not_depend_on_tiles(scene, model, tmp_path):
    for tile in ("auto", 64, 224):
        arguments = ["--model", model, "--out", tmp_path / str(tile), "--tile", tile, "--halo", "exact"]
        assert shell("predict", scene, *arguments, "--engine", "onnxruntime", "--save", "labels").returncode == OK
    maps = [rasterio.open(tmp_path / str(tile) / "north_labels.tif").read(1) for tile in ("auto", 64, 224)]
    assert (maps[0] == maps[1]).all()
    assert (maps[0] == maps[2]).all()
    assert len(np.unique(maps[0])) == 5
