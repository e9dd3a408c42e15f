"""The paper's layers against NumPy references of a few lines, and its trunks' geometry."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.models.alexnet import alexnet, caffenet
from fullconv.models.googlenet import googlenet, googlenet_torchvision
from fullconv.models.layered import CeilPool
from fullconv.models.vgg import vgg16


def pooled(plane: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Caffe's max pooling of one plane: ceil((n - kernel) / stride) + 1 windows, the last cut off at the border."""
    counts = [-(-(n - kernel) // stride) + 1 for n in plane.shape]
    window = lambda i, j: plane[i * stride : i * stride + kernel, j * stride : j * stride + kernel].max()  # noqa: E731
    return np.array([[window(i, j) for j in range(counts[1])] for i in range(counts[0])])


@given(st.sampled_from([(2, 2), (3, 2)]), st.integers(3, 17), st.integers(3, 17))
@settings(max_examples=40, deadline=None)
def test_ceil_pooling_at_any_size(kernel_and_stride, height, width):
    plane = np.random.default_rng(0).standard_normal((height, width)).astype(np.float32) - 5
    ours = CeilPool(*kernel_and_stride)(torch.from_numpy(plane)[None, None])[0, 0].numpy()
    np.testing.assert_array_equal(ours, pooled(plane, *kernel_and_stride))


def test_local_response_normalisation_is_caffes():
    """b = a / (1 + alpha/n Σ a²)^beta over n = 5 channels around each."""
    x = np.random.default_rng(0).standard_normal((1, 9, 4, 5)).astype(np.float32) * 30
    sums = [(x[:, max(0, c - 2) : c + 3].astype(np.float64) ** 2).sum(1) for c in range(9)]
    expected = x / (1 + 1e-4 / 5 * np.stack(sums, 1)) ** 0.75
    norm = caffenet().get_submodule("norm1")
    np.testing.assert_allclose(norm(torch.from_numpy(x)).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("trunk", "field"),
    [(vgg16, 404), (caffenet, 355), (alexnet, 355), (googlenet, 907 - 6 * 32), (googlenet_torchvision, 379)],
)
def test_receptive_fields(trunk, field):
    """Table 1 of the paper: 404, 355, and for GoogLeNet 907, which counts the 7x7 average pooling it leaves out."""
    with torch.device("meta"):
        window = trunk().windows[32]
    assert (window.stride, window.size) == (32, field)


@pytest.mark.parametrize("trunk", [vgg16, caffenet, alexnet, googlenet, googlenet_torchvision])
def test_features_have_the_channels_and_strides_that_they_say(trunk):
    with torch.device("meta"):
        net = trunk().eval()
        features, larger = net(torch.zeros(1, 3, 64, 64)), net(torch.zeros(1, 3, 64 + 320, 64))
    assert {s: f.shape[1] for s, f in features.items()} == net.channels
    for stride, maps in features.items():
        assert larger[stride].shape[2] - maps.shape[2] == 320 // stride


def test_googlenet_keeps_caffes_names():
    with torch.device("meta"):
        names = {name.replace(".", "/") for name, _ in googlenet().named_parameters()}
    assert {"conv1/7x7_s2/weight", "conv2/3x3_reduce/bias", "inception_3a/5x5_reduce/weight"} <= names
    assert len(names) == 2 * 57
