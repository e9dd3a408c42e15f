"""What people hand over in Python: taken, or refused in one line."""

import io
import os

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv import images
from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.sources import picture_of
from tests.conftest import EXAMPLES

PHOTO = EXAMPLES / "chelsea.jpg"
ARRAY = np.zeros((4, 6, 3), np.uint8)


def closed():
    picture = Image.open(PHOTO)
    picture.close()
    return picture


@pytest.mark.parametrize(
    "given", [str(PHOTO), PHOTO, PHOTO.read_bytes(), bytearray(PHOTO.read_bytes()), memoryview(PHOTO.read_bytes()),
              io.BytesIO(PHOTO.read_bytes()), Image.open(PHOTO), np.array(Image.open(PHOTO))],
)  # fmt: skip
def test_every_form_of_a_picture_is_taken(given):
    assert images.read(picture_of(given)).shape == (300, 451, 3)


def test_an_open_file_is_read():
    with PHOTO.open("rb") as file:
        assert picture_of(file) == PHOTO.read_bytes()


class Tensor:
    def __array__(self):
        return ARRAY


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "not a picture but None; give a path, the bytes"), (5, "of type int"), ({}, "of type dict"),
        ([[0]], r"of type list; .*; convert it, as in np.asarray"), (Tensor(), "convert it, as in np.asarray"),
        (ARRAY[:0], r"shape \(0, 6, 3\) contains no pixels"), (ARRAY[:, :0], "contains no pixels"),
        ("", "is empty"), ("file:///my%20photos/a.jpg", "give the path itself, as in /my photos/a.jpg"),
        (str(EXAMPLES), "is a folder"), ("https://example.org/a.jpg", "is a URL; download it"),
        (io.StringIO("text"), "is open in text mode"), (closed(), "cannot be read .*; open it again"),
    ],
)  # fmt: skip
def test_other_values_give_a_one_line_error(given, message):
    with pytest.raises(FullconvError, match=message) as refused:
        picture_of(given)
    assert "\n" not in str(refused.value)


def test_a_closed_file_gives_a_one_line_error():
    with PHOTO.open("rb") as file:
        pass
    with pytest.raises(FullconvError, match=r"chelsea.jpg: cannot be read .*; open it again"):
        picture_of(file)


@pytest.mark.parametrize("given", [None, 5, [PHOTO], ARRAY])
def test_public_functions_refuse_values_that_are_not_paths(given, tmp_path):
    model = fullconv.load("photos")
    result = model.predict(ARRAY)
    for use in (
        fullconv.load, lambda data: fullconv.evaluate(model, data), lambda data: fullconv.train(data, tmp_path / "run"),
        result.save, lambda stem: result.save(tmp_path, [stem]), Classes.named,
        lambda model: fullconv.evaluate(model, "data"),
    ):  # fmt: skip
        with pytest.raises(FullconvError) as refused:
            use(given)
        assert "\n" not in str(refused.value)


def test_an_empty_path_or_name_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fullconv.load("photos").predict(ARRAY)
    for use in (
        fullconv.load, fullconv.check, fullconv.open_dataset, result.save, lambda stem: result.save("here", stem),
        lambda out: fullconv.export("photos", to="onnx", out=out),
    ):  # fmt: skip
        with pytest.raises(FullconvError, match="is empty; give a"):
            use("")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_too_long_for_a_path_is_refused_in_one_line():
    """As base64 is, which JSON needs for a picture."""
    model, text = fullconv.load("photos"), "/9j/4AAQ" * 1000
    for use in (model.predict, lambda one: list(model.predict_many(one)), lambda one: list(model.predict_many([one]))):
        with pytest.raises(
            FullconvError, match=r"^a text of 8000 characters is no path; .* the bytes of a file"
        ) as error:
            use(text)
        assert "\n" not in str(error.value)


def test_an_open_file_is_read_from_its_beginning():
    """As Pillow does: a buffer that was just written, or a file that Pillow has opened, is at its end."""
    buffer = io.BytesIO()
    Image.fromarray(ARRAY).save(buffer, "PNG")
    assert images.read(picture_of(buffer)).shape == (4, 6, 3)
    assert images.read(picture_of(buffer)).shape == (4, 6, 3)


def test_a_stream_without_a_beginning_is_read_from_where_it_is():
    read, write = os.pipe()
    os.write(write, b"content")
    os.close(write)
    with open(read, "rb") as stream:
        assert picture_of(stream) == b"content"


def test_names_in_one_text_are_refused():
    with pytest.raises(FullconvError, match="give a list of strings"):
        Classes.named("cat")
