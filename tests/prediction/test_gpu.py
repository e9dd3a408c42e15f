"""The torch engine on an NVIDIA GPU is compared with the CPU. Skipped if there is no GPU."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fullconv import images, load
from fullconv.prediction.engines.cuda_graphs import CudaGraphs
from fullconv.weights.model_folder import find_model
from tests.conftest import EXAMPLES

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture(autouse=True)
def exact_products(monkeypatch):
    """Turns off TF32, which rounds float32 to ten bits."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(images.read(EXAMPLES / "chelsea.jpg")[:288, :448])[None]


@pytest.fixture(scope="module")
def on_cpu():
    return load("photos", engine="torch", precision="fp32", device="cpu").engine


def on_gpu(precision):
    return load("photos", engine="torch", precision=precision, device="cuda").engine


@pytest.mark.parametrize(("precision", "share"), [("fp32", 0.9999), ("bf16", 0.97), ("fp16", 0.99)])
def test_labels_are_the_same_as_on_the_cpu(photo, on_cpu, precision, share):
    engine = on_gpu(precision)
    label_maps = engine.label_maps(photo)
    assert (label_maps.shape, label_maps.dtype) == ((1, 288, 448), np.uint8)
    assert (label_maps == on_cpu.label_maps(photo)).mean() >= share
    assert (engine.name, engine.precision) == ("torch", precision)


def test_scores_are_the_same_as_on_the_cpu(photo, on_cpu):
    np.testing.assert_allclose(on_gpu("fp32").scores(photo), on_cpu.scores(photo), atol=2e-2)


def test_more_shapes_than_are_kept_give_correct_labels(photo, on_cpu, monkeypatch):
    """New shapes are recorded, old recordings are dropped, and recordings are reused with other pictures."""
    monkeypatch.setattr(CudaGraphs, "KEPT", 2)
    engine = on_gpu("fp32")
    for height, width in [(64, 96), (96, 64), (64, 96), (128, 64), (64, 96), (96, 64)] * 2:
        for part in (photo[:, :height, :width], photo[:, -height:, -width:]):
            picture = np.ascontiguousarray(part)
            assert (engine.label_maps(picture) == on_cpu.label_maps(picture)).mean() >= 0.999
    assert list(engine.labels.recorded) == [(1, 64, 96, 3), (1, 96, 64, 3)]


def test_parallel_threads_are_not_mixed_up(photo, on_cpu):
    engine = on_gpu("fp32")
    pictures = [np.ascontiguousarray(photo[:, top : top + height]) for top in (0, 32, 64) for height in (64, 128)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine.label_maps, pictures))
    for picture, label_map in zip(pictures, found, strict=True):
        assert (label_map == on_cpu.label_maps(picture)).mean() >= 0.999


def test_the_room_depends_on_the_memory_of_the_gpu():
    assert 0 < on_gpu("fp32").room() < torch.cuda.get_device_properties(0).total_memory


def test_auto_chooses_the_gpu():
    from fullconv.prediction.engines.choice import choose

    assert choose(find_model("photos"), "cuda") == "torch"
    assert load("photos", engine="torch").engine.device == "cuda"
