"""Many pictures through one model: in order, with only a few in progress, and with damaged pictures."""

import copy
import io
import os
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pytest
from PIL import Image, ImageSequence

import fullconv
from fullconv import images
from fullconv.prediction.many import THREADS, predict_many
from tests.conftest import EXAMPLES


@pytest.fixture(scope="module")
def model():
    return fullconv.load("photos", precision="fp32")


def entry_of(path):
    """A path that is neither a string nor a Path."""
    with os.scandir(path.parent) as entries:
        return next(entry for entry in entries if entry.name == path.name)


def test_results_are_in_order_and_the_same_as_one_at_a_time(model):
    paths = sorted(EXAMPLES.glob("*.jpg"))[:4]
    assert list(model.predict_many(paths)) == [model.predict(path) for path in paths]


def test_the_pictures_of_a_folder_are_sorted_by_path(model, tmp_path):
    (tmp_path / "deep").mkdir()
    for target in ("b.jpg", "a.jpg", "deep/c.jpg"):
        shutil.copyfile(EXAMPLES / "chelsea.jpg", tmp_path / target)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [r.source.name for r in model.predict_many(tmp_path)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(list(model.predict_many(entry_of(tmp_path)))) == 3
    with pytest.raises(fullconv.FullconvError, match="no such folder"):
        list(model.predict_many(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "form", ["path", "string", "bytes", "bytearray", "path-like", "open file", "pil", "array", "grey array"]
)
def test_one_picture_counts_as_a_list_of_one(model, form):
    path = EXAMPLES / "chelsea.jpg"
    array = images.read(path)
    given = {
        "path": path, "string": str(path), "bytes": path.read_bytes(), "bytearray": bytearray(path.read_bytes()),
        "path-like": entry_of(path), "open file": io.BytesIO(path.read_bytes()), "pil": Image.open(path),
        "array": array, "grey array": array[..., 0],
    }[form]  # fmt: skip
    expected = model.predict(array[..., 0] if form == "grey array" else array)
    assert list(model.predict_many(given)) == [expected]


def test_a_stack_of_pictures_is_taken_one_by_one(model):
    array = images.read(EXAMPLES / "chelsea.jpg")
    assert len(list(model.predict_many(np.stack([array, array])))) == 2


def in_place(form):
    """Yields white and black pictures in turn, in one buffer or image that the next picture overwrites."""
    buffer = np.empty((32, 32, 3), np.uint8)
    canvas = Image.new("RGB", (32, 32))
    for number in range(12):
        buffer[:] = 255 * (number % 2)
        canvas.paste((255 * (number % 2),) * 3, (0, 0, 32, 32))
        yield {"array": buffer, "grey array": buffer[..., 0], "pil": canvas}[form]


@pytest.mark.parametrize("form", ["array", "grey array", "pil"])
def test_a_caller_may_overwrite_a_picture_with_the_next_one(model, form):
    """As cameras do. A few pictures are in progress while the caller fills in the next."""
    found = [result.image.mean() for result in list(model.predict_many(in_place(form)))]
    assert found == [0, 255] * 6


def test_a_bytearray_may_be_overwritten_too(model):
    photos = [(EXAMPLES / name).read_bytes() for name in ("chelsea.jpg", "coffee.jpg")] * 3

    def received():
        buffer = bytearray()
        for photo in photos:
            buffer[:] = photo
            yield buffer

    assert [r.label_map.shape for r in model.predict_many(received())] == [(300, 451), (400, 600)] * 3


def test_the_frames_of_an_animation_are_kept_apart(model, tmp_path):
    """Pillow's iterator gives the same image for every frame, and moves it to the next one."""
    frames = [Image.new("RGB", (32, 32), (value,) * 3) for value in (0, 255, 0, 255, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as animation:
        found = [result.image.mean() for result in model.predict_many(ImageSequence.Iterator(animation))]
    assert found == [0, 255, 0, 255, 0]


def test_a_result_keeps_its_picture_if_the_caller_changes_the_array(model):
    frame = np.full((32, 32, 3), 255, np.uint8)
    result = model.predict(frame)
    frame[:] = 0
    assert result.image.min() == 255


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "a list of them, not None"),
        (5, "not of type int"),
        ([None], "not a picture but None"),
        ([np.zeros(3, np.uint8)], r"shape \(3,\)"),
    ],
)
def test_what_is_no_picture_is_one_line(model, given, message):
    with pytest.raises(fullconv.FullconvError, match=message) as error:
        list(model.predict_many(given))
    assert "\n" not in str(error.value)


def test_a_damaged_picture_is_passed_to_the_caller_and_the_others_continue(model, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    sources, errors = [EXAMPLES / "chelsea.jpg", tmp_path / "broken.jpg", EXAMPLES / "chelsea.jpg"], []
    found = list(model.predict_many(sources, on_error=lambda source, error: errors.append((source.name, str(error)))))
    assert len(found) == 2
    assert errors[0][0] == "broken.jpg"
    with pytest.raises(fullconv.FullconvError, match=r"broken\.jpg"):
        list(model.predict_many(sources))


def test_only_a_few_pictures_are_started_ahead():
    """There are infinitely many pictures. Each starts only when an earlier one is done."""
    begun, most, lock = [], [], threading.Lock()

    def predict(source):
        with lock:
            begun.append(source)
        return source

    def endless():
        yield from range(10**9)

    for taken, result in enumerate(islice(predict_many(predict, endless(), None, lambda source: 1, 100), 50)):
        assert result == taken
        most.append(len(begun) - taken)
    assert max(most) <= THREADS + 1


def test_a_model_can_be_used_from_several_threads(model):
    """Pictures of different sizes, with and without scores, give the same results in parallel as one after another."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (64 + 32 * (i % 3), 96, 3), np.uint8) for i in range(24)]
    expected = [model.predict(p, scores=i % 2 == 0) for i, p in enumerate(pictures)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pair: model.predict(pair[1], scores=pair[0] % 2 == 0), enumerate(pictures)))
    assert found == expected


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_a_model_that_is_sent_to_another_process_is_refused_in_one_line(model, copied):
    with pytest.raises(
        fullconv.FullconvError, match="pass its name or folder, and load it in the process that uses it"
    ):
        copied(model)
    assert copy.copy(model).predict(np.zeros((32, 32, 3), np.uint8)).label_map.shape == (32, 32)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"streams": 0}, "streams=0: give a whole number, 1 or more"),
        ({"streams": 1.5}, "streams=1.5: give a whole number, 1 or more"),
        ({"streams": True}, "streams=True: give"),
        ({"threads": -3}, "threads=-3: give a whole number, 1 or more, or None for all"),
        ({"threads": 0}, "threads=0: give"),
        ({"threads": "2"}, "threads='2': give"),
    ],
)
def test_a_wrong_number_of_streams_or_threads_is_refused(given, message):
    with pytest.raises(fullconv.FullconvError, match=message):
        fullconv.load("photos", **given)


def test_numbers_of_numpy_are_taken():
    assert fullconv.load("photos", streams=np.int64(1), threads=np.int64(1))


def test_the_repr_of_a_model_is_one_line(model):
    assert repr(model) == "Model(photos: FCN-4s tf_efficientnet_lite1, 21 classes; openvino fp32)"


def test_segmentations_can_be_compared_and_printed(model):
    a, b = model.predict(EXAMPLES / "chelsea.jpg"), model.predict(EXAMPLES / "chelsea.jpg")
    assert a == b
    assert a != model.predict(EXAMPLES / "chelsea.jpg", scores=True)
    assert a != "something else"
    assert repr(a).startswith(f"Segmentation({EXAMPLES / 'chelsea.jpg'}, 451x300: ")
    assert "cat" in repr(a)
