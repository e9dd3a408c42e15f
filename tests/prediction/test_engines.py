"""The contract of all engines, and the cache of compiled networks."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fullconv import images, load
from fullconv.errors import FullconvError
from fullconv.prediction.compiled import BlobCache, cache_folder, digest_of, trim
from fullconv.prediction.engines import choice
from fullconv.prediction.engines.openvino import ANY
from fullconv.weights.model_folder import ModelFolder, find_model
from tests.conftest import EXAMPLES
from tests.prediction.stubs import ENGINE

AVAILABLE = ["openvino", "onnxruntime", "torch"]


@pytest.fixture(scope="module")
def batch():
    photo = images.read(EXAMPLES / "chelsea.jpg")
    return np.ascontiguousarray(photo[:256, :320])[None]


@pytest.mark.parametrize("name", AVAILABLE)
def test_every_engine_keeps_the_contract(name, batch):
    engine = load("photos", engine=name, precision="fp32").engine
    label_maps, scores = engine.label_maps(batch), engine.scores(batch)
    assert (label_maps.shape, label_maps.dtype) == ((1, 256, 320), np.uint8)
    assert (scores.shape, scores.dtype) == ((1, 21, 256, 320), np.float32)
    assert (scores.argmax(1) == label_maps).all()
    assert (engine.name, engine.precision) == (name, "fp32")


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_the_graph_agrees_with_torch(name, batch):
    torch_engine = load("photos", engine="torch", precision="fp32").engine
    engine = load("photos", engine=name, precision="fp32").engine
    np.testing.assert_allclose(engine.scores(batch), torch_engine.scores(batch), atol=2e-2)
    assert (engine.label_maps(batch) == torch_engine.label_maps(batch)).mean() > 0.9999


def test_bf16_is_close(batch):
    exact = load("photos", engine="openvino", precision="fp32").engine.label_maps(batch)
    rounded = load("photos", engine="openvino", precision="bf16").engine.label_maps(batch)
    assert (exact == rounded).mean() > 0.97


def test_a_second_engine_finds_the_blob(batch, monkeypatch):
    first = load("photos", engine="openvino").engine
    expected = first.label_maps(batch)
    second = load("photos", engine="openvino").engine
    monkeypatch.setattr(second, "_compile", lambda key: pytest.fail("compiled again"))
    assert (second.label_maps(batch) == expected).all()


def test_a_damaged_blob_is_replaced(batch):
    expected = load("photos", engine="openvino").engine.label_maps(batch)
    blobs = list(cache_folder().rglob("*.blob"))
    assert blobs
    for blob in blobs:
        blob.write_bytes(b"damaged")
    assert (load("photos", engine="openvino").engine.label_maps(batch) == expected).all()
    assert max(blob.stat().st_size for blob in blobs) > 1000


def test_a_flipped_bit_is_detected(batch):
    expected = load("photos", engine="openvino").engine.label_maps(batch)
    for path in cache_folder().rglob("*.blob"):
        blob = bytearray(path.read_bytes())
        blob[len(blob) // 2] ^= 1
        path.write_bytes(blob)
    engine = load("photos", engine="openvino").engine
    assert engine.cache.read((1, ANY, ANY, 3, "label_map")) is None
    assert (engine.label_maps(batch) == expected).all()
    assert engine.cache.read((1, ANY, ANY, 3, "label_map"))


def test_a_blob_under_a_wrong_name_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path))
    one, other = BlobCache("a" * 64, "here"), BlobCache("b" * 64, "here")
    one.write((1,), b"blob")
    (found,) = tmp_path.rglob("*.blob")
    other.write((1,), b"other")
    (taken,) = {*tmp_path.rglob("*.blob")} - {found}
    taken.write_bytes(found.read_bytes())
    assert (one.read((1,)), other.read((1,))) == (b"blob", None)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no mode there")
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
@pytest.mark.parametrize("level", [0, 1])
def test_a_folder_that_others_can_write_is_not_used(mode, level, tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path))
    cache = BlobCache("a" * 64, "here")
    cache.write((1,), b"blob")
    assert cache.read((1,)) == b"blob"
    (cache.folder, cache.folder.parent)[level].chmod(mode)
    assert not cache.is_there
    assert cache.read((1,)) is None
    cache.write((2,), b"more")
    assert len(list(tmp_path.rglob("*.blob"))) == 1


def test_an_empty_variable_does_not_mean_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("FULLCONV_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    assert cache_folder().is_absolute()
    assert not cache_folder().is_relative_to(tmp_path)


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FULLCONV_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", unknown)
    cache = BlobCache("a" * 64, "here")
    cache.write((1,), b"blob")
    assert (cache.is_there, cache.read((1,))) == (False, None)


def test_a_cache_that_cannot_be_written_is_not_an_error(batch, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path / "file"))
    assert load("photos", engine="openvino").engine.label_maps(batch).shape == (1, 256, 320)


def test_blobs_of_another_machine_or_graph_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path))
    graph = tmp_path / "g.onnx"
    graph.write_bytes(b"one")
    BlobCache(digest_of([graph]), "here").write((1, "labels"), b"blob")
    assert BlobCache(digest_of([graph]), "here").read((1, "labels")) == b"blob"
    assert BlobCache(digest_of([graph]), "there").read((1, "labels")) is None
    assert BlobCache(digest_of([graph]), "here").read((2, "labels")) is None
    graph.write_bytes(b"two")
    assert BlobCache(digest_of([graph]), "here").read((1, "labels")) is None


def test_the_cache_keeps_the_most_recently_used_blobs(tmp_path):
    for i in range(6):
        path = tmp_path / "graph" / f"{i}.blob"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (i, i))
    os.utime(tmp_path / "graph" / "0.blob", (9, 9))
    trim(tmp_path, 250)
    assert {path.name for path in tmp_path.rglob("*.blob")} == {"0.blob", "5.blob"}


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_labels_are_the_best_scores_whatever_came_before(batch, precision, tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path))
    pictures = [np.ascontiguousarray(batch[:, :h, :w]) for h, w in ((96, 256), (224, 128), (256, 320))]
    best = [load("photos", engine="openvino", precision=precision).engine.scores(one).argmax(1) for one in pictures]
    engine = load("photos", engine="openvino", precision=precision).engine
    for _ in range(8):
        for one, expected in zip(pictures, best, strict=True):
            assert (engine.label_maps(one) == expected).all()


def test_one_network_takes_all_shapes(tmp_path, monkeypatch):
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path))
    engine = load("photos", engine="openvino").engine
    for width in (32, 64, 96, 64, 64, 64, 64, 64):
        engine.label_maps(np.zeros((1, 32, width, 3), np.uint8))
    assert len(list(tmp_path.rglob("*.blob"))) == 1


def test_auto_is_openvino_without_a_gpu(monkeypatch, tmp_path):
    folder = find_model("photos")
    monkeypatch.setattr(choice.Path, "exists", lambda self: self.name != "nvidiactl")
    assert choice.choose(folder, None) == "openvino"
    assert choice.choose(folder, "cuda:0") == "torch"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "tensorrt"}, "engine='tensorrt': choose from auto, openvino"),
        ({"engine": None}, "engine: choose from"),
        ({"precision": "int3"}, "choose from"),
        ({"device": "banana"}, "device='banana': no such device"),
        ({"device": 0}, "device=0: no such device"),
        ({"device": "cuda", "engine": "openvino"}, "device='cuda': openvino runs only on the CPU; .*engine='torch'"),
        ({"device": "cuda:1", "engine": "onnxruntime"}, "onnxruntime runs only on the CPU"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "supports fp32"),
        ({"model": "lions"}, "neither bundled .camvid, photos."),
    ],
)
def test_a_wrong_choice_is_refused_with_the_possible_ones(options, message):
    with pytest.raises(FullconvError, match=message):
        load(**options)


def test_a_missing_graph_is_reported_with_how_to_create_it(tmp_path):
    (tmp_path / "config.json").write_bytes((find_model("photos") / "config.json").read_bytes())
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(FullconvError, match="fullconv export"):
        load(tmp_path, engine="openvino")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FullconvError, match="copy the model folder again"):
        load(tmp_path, engine="openvino")


@pytest.mark.parametrize("name", [name for name in AVAILABLE if name != "torch"])
@pytest.mark.parametrize("content", [b"", b"garbage of some length", b"\x08\x08", None])
def test_a_damaged_graph_gives_a_one_line_error(tmp_path, name, content):
    folder = find_model("photos")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    whole = (folder / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(FullconvError, match=r"model.onnx: damaged, or not an ONNX graph") as error:
        load(tmp_path, engine=name, precision="fp32").predict(np.zeros((32, 32, 3), np.uint8))
    assert "\n" not in str(error.value)


TOGETHER = """
import threading, numpy as np
from fullconv import load
model, barrier = load("photos", engine="openvino"), threading.Barrier(8)
def first_use():
    barrier.wait()
    model.predict(np.zeros((32, 32, 3), np.uint8))
threads = [threading.Thread(target=first_use) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_threads_that_start_together_do_not_deadlock():
    for _ in range(3):  # most runs hung when these threads were the first to use the bindings
        done = subprocess.run([sys.executable, "-c", TOGETHER], timeout=120, check=False)  # raises if it hangs
        assert done.returncode == 0


@pytest.mark.parametrize("name", AVAILABLE)
def test_more_memory_allows_more_pixels(name, monkeypatch):
    engine = load("photos", engine=name, precision="fp32").engine
    monkeypatch.setattr("fullconv.prediction.memory.budget", lambda: 2**30)
    few, fewer = engine.room(), engine.room(scores=True)
    monkeypatch.setattr("fullconv.prediction.memory.budget", lambda: 2**31)
    assert engine.room() == pytest.approx(2 * few, abs=1)
    assert fewer <= few * 1.001  # this network does not need most of its memory for scores


def test_openvino_knows_the_memory_of_its_maps(monkeypatch):
    """Its maps take 168 bytes per pixel. Measured for pictures of 16 to 1 megapixels, resident memory grew by 184 to
    210 bytes per pixel."""
    monkeypatch.setattr("fullconv.prediction.memory.budget", lambda: 2**30)
    alone, one_of_two = (load("photos", engine="openvino", precision="fp32", streams=n).engine for n in (1, 2))
    assert 150 < 2**30 / alone.room() < 200
    assert one_of_two.room() == pytest.approx(alone.room() / 2, rel=0.1)


def test_pictures_of_changing_shapes_in_many_threads_are_not_mixed_up(batch):
    from concurrent.futures import ThreadPoolExecutor

    engine = load("photos", engine="openvino", precision="fp32", streams=2).engine
    pictures = [batch[:, :height] for height in (64, 128, 64, 64, 128, 64)] * 3
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine.label_maps, pictures))
    for picture, label_map in zip(pictures, found, strict=True):
        assert (label_map == engine.label_maps(picture)).all()


DROPPED_IN_A_THREAD = """
import os, signal, threading
import numpy as np
from fullconv import load
models = [load("photos")]
models[0].predict(np.zeros((32, 32, 3), np.uint8))
thread = threading.Thread(target=models.clear)
thread.start()
thread.join()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_after_a_model_was_dropped_in_another_thread():
    done = subprocess.run([sys.executable, "-c", DROPPED_IN_A_THREAD], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


CONVERTER_LATER = """
import sys
from fullconv import load
load("photos", engine="openvino")
assert "openvino.tools.ovc" not in sys.modules  # importing it takes as long as the rest of OpenVINO
import openvino
from openvino import convert_model
assert openvino.convert_model is convert_model and callable(convert_model)
assert not hasattr(openvino, "nothing_of_this_name")
import openvino.tools.ovc
assert openvino.tools.ovc.convert_model is convert_model
"""


def test_the_converter_of_openvino_can_still_be_imported():
    subprocess.run([sys.executable, "-c", CONVERTER_LATER], check=True)


def test_a_model_is_identified_by_the_files_that_the_engine_reads(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.onnx").write_bytes(b"one")
    first = choice.identity_of(ModelFolder(tmp_path, None), ENGINE)
    assert first["model.onnx"].startswith("sha256:7692c3ad3540bb80")
    (tmp_path / "model.onnx").write_bytes(b"two")
    assert choice.identity_of(ModelFolder(tmp_path, None), ENGINE) != first
