"""One picture is processed from standard input to standard output."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv.errors import FullconvError
from fullconv.jobs.job import Wanted
from fullconv.jobs.stream import one_result
from tests.conftest import EXAMPLES
from tests.prediction.scenes import blobs, bright_model, write_scene

CAT = (EXAMPLES / "chelsea.jpg").read_bytes()


@pytest.fixture(scope="module")
def model():
    return fullconv.load("photos")


def test_labels(model):
    picture = Image.open(io.BytesIO(one_result(model, CAT, Wanted(("labels",)))))
    assert np.array_equal(np.array(picture), model.predict(CAT).label_map)


def test_the_mask_of_one_class(model):
    mask = one_result(model.among(["cat"]), CAT, Wanted(("masks",), classes=("cat",)))
    assert np.array_equal(np.array(Image.open(io.BytesIO(mask))) == 255, model.among(["cat"]).predict(CAT).mask("cat"))


AS_A_FILE = "give the picture as a file: fullconv predict in.jpg --save labelme"


@pytest.mark.parametrize(
    ("outputs", "files", "remedy"),
    [
        (("masks",), "picture_cat.png, picture_background.png", "choose one class, as in --classes cat"),
        (("labelme",), "picture.png, picture.json", AS_A_FILE),
        (("labels", "overlay"), "picture_labels.png, picture_overlay.jpg", "give one output with --save"),
    ],
)
def test_several_files_are_refused_with_what_to_do(model, outputs, files, remedy):
    with pytest.raises(FullconvError) as error:
        one_result(model, CAT, Wanted(outputs))
    assert str(error.value).endswith(f"--save {','.join(outputs)} makes 2 ({files}); {remedy}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "standard input is empty; send a picture, as in: fullconv predict - < in.jpg > out.png"),
        (b"no picture", "standard input: not an image, or empty; give the content of a JPEG or PNG"),
    ],
)
def test_what_is_no_picture_is_refused(model, body, said):
    with pytest.raises(FullconvError, match=re.escape(said)):
        one_result(model, body, Wanted(("labels",)))


def test_labels_of_a_geotiff(tmp_path):
    path, array = tmp_path / "r.tif", blobs(40, 60)
    body = one_result(bright_model(), write_scene(path, array).read_bytes(), Wanted(("labels",)))
    with pytest.importorskip("rasterio").MemoryFile(body) as file, file.open() as labels:
        assert np.array_equal(labels.read(1), array.mean(2) // 64)
        assert (labels.crs.to_epsg(), labels.tags()["class_3"]) == (32633, "road")


def run(*arguments, body=CAT):
    command = [sys.executable, "-m", "fullconv", "predict", *arguments]
    return subprocess.run(command, input=body, capture_output=True, check=False)


def test_the_command_in_a_pipe(model):
    done = run("-", "--save", "overlay")
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).size == (451, 300)
    assert run("-").stdout.startswith(b"\x89PNG")


def test_impossible_input_gives_a_one_line_error():
    done = run("-", "other.jpg")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error: -: standard input is one picture")
    assert run("-", body=b"").stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "option",
    [["--resume"], ["--overwrite"], ["--json", "r.json"], ["--frames", "3"], ["--out", "results"], ["--pages", "all"],
     ["--outside", "."], ["--allow-http"], ["--cluster", "ray"]],
)  # fmt: skip
def test_options_without_effect_are_refused(option):
    done = run("-", *option)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"error: {option[0]}: has no effect with standard input; remove it\n"


def test_a_folder_from_the_environment_may_be_meant_for_other_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("FULLCONV_PREDICT_OUT", str(tmp_path))
    assert run("-").stdout.startswith(b"\x89PNG")
    assert not list(tmp_path.iterdir())
