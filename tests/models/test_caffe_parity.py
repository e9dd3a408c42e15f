"""Imported weights give the scores that another reader of Caffe's files gives: OpenCV, from its own deploy net."""

import numpy as np
import pytest
import torch

from fullconv.models import published
from fullconv.weights.caffe import read_caffe
from fullconv.weights.convert import import_weights
from tests.weights.caffe_files import write_caffemodel
from tests.weights.caffe_nets import deploy

cv2 = pytest.importorskip("cv2")
SIZES = [(97, 133), (160, 96), (65, 65)]
EVERY_TIME = ["voc-fcn8s", "voc-fcn-alexnet", "fcn-googlenet"]
NOW_AND_THEN = [
    "voc-fcn32s", "voc-fcn16s", "voc-fcn8s-atonce", "siftflow-fcn8s", "pascalcontext-fcn8s",
    "nyud-fcn32s-color", "nyud-fcn32s-color-d", "nyud-fcn32s-color-hha",
]  # fmt: skip


@pytest.mark.parametrize("name", [*EVERY_TIME, *(pytest.param(n, marks=pytest.mark.slow) for n in NOW_AND_THEN)])
def test_scores_are_those_of_opencv(name, tmp_path):
    net = deploy(name)
    model = write_caffemodel(tmp_path / "net.caffemodel", net.parameters())
    prototxt = tmp_path / "net.prototxt"
    prototxt.write_text(net.prototxt())
    ours, theirs = published.build(name).eval(), cv2.dnn.readNetFromCaffe(str(prototxt), str(model))
    import_weights(read_caffe(model), ours)
    model.unlink()  # half a gigabyte
    agreeing = [agreement(net, ours, theirs, size) for size in SIZES]
    assert sum(agreeing) >= 0.9999 * sum(len(net.outputs) * height * width for height, width in SIZES)


def agreement(net, ours, theirs, size):
    """Checks scores, to 1e-3 of their range, and counts the pixels (of each output) whose labels are the same."""
    image = picture(size, len(net.mean), seed=size[0])
    with torch.inference_mode():
        found = ours(image)[0].clone()
    expected = [torch.from_numpy(s) for s in opencv_scores(net, theirs, as_caffe_takes_it(image, net.mean))]
    assert found.shape == (sum(map(len, expected)), *size)
    same = 0
    for mine, reference in zip(found.split([len(e) for e in expected]), expected, strict=True):
        extent = reference.max() - reference.min()
        assert extent > 0.1
        assert (mine - reference).abs().max() <= 1e-3 * extent
        same += (mine.argmax(0) == reference.argmax(0)).sum()
    return same


def picture(size, channels, seed):
    """(1, channels, H, W) uint8 with coarse and fine structure, RGB first."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 256, (6, 8, channels)).astype(np.float32), size[::-1]).reshape(*size, channels)
    image = np.clip(coarse + rng.normal(0, 20, coarse.shape), 0, 255).astype(np.uint8)
    return torch.from_numpy(image.transpose(2, 0, 1)[None].copy())


def as_caffe_takes_it(image, mean):
    """BGR for RGB, what follows as it is; minus the mean."""
    order = [2, 1, 0, *range(3, image.shape[1])]
    return image.numpy()[:, order].astype(np.float32) - np.array(mean, np.float32)[:, None, None]


def opencv_scores(net, theirs, blob):
    start = 0
    for name, channels in net.inputs.items():
        theirs.setInput(blob[:, start : start + channels], name)
        start += channels
    return [scores[0] for scores in theirs.forward(net.outputs)]
