"""pytorch-fcn's checkpoints, and torchvision's classifiers, under the names of the paper's nets."""

import pickle

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn.functional import linear

from fullconv.errors import FullconvError
from fullconv.models.alexnet import alexnet
from fullconv.models.googlenet import googlenet, googlenet_torchvision
from fullconv.models.vgg import vgg16
from fullconv.weights.pretrained import load_trunk_weights
from fullconv.weights.torchfcn import read_torchfcn
from tests.weights import caffe_nets
from tests.weights.caffe_files import write_caffemodel

STATE = {"conv1_1.weight": torch.arange(6.0).view(2, 3), "upscore.weight": torch.ones(1, 1, 4, 4)}
CHECKPOINT = {"epoch": 3, "arch": "FCN32s", "optim_state_dict": {"state": {}}, "best_mean_iu": np.float64(0.6)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {f"module.{name}": value for name, value in STATE.items()},
        {**CHECKPOINT, "model_state_dict": STATE},
        {"state_dict": STATE},
    ],
    ids=["bare", "of several GPUs", "checkpoint", "state_dict"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_form_of_file_gives_the_same_tensors(tmp_path, content, zipped):
    torch.save(content, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=zipped)
    read = read_torchfcn(tmp_path / "a.pth.tar")
    assert list(read) == list(STATE)
    assert all(torch.equal(read[name], value) for name, value in STATE.items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**STATE, "fc6.bias": torch.tensor([1.0, torch.nan])}, r"fc6\.bias: expected finite"),
        ([1, 2], "no named tensors"),
        ({"model_state_dict": 5}, "no named tensors"),
        (nn.Linear(1, 1), r"not a file of tensors \(contains torch.nn.modules.linear.Linear, and only tensors are"),
    ],
)
def test_other_content_gives_a_one_line_error(tmp_path, content, message):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(FullconvError, match=message) as error:
        read_torchfcn(tmp_path / "a.pth")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["c.jpg", "c.pth", "c.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\xff\xd8\xff\xe0 a photo", pickle.dumps({"a": 1}), b"PK\3\4zip"]
)
def test_a_file_of_another_kind_is_told_in_our_words(tmp_path, name, content, recwarn):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FullconvError, match=r"not a file of tensors \(.*\); give a .safetensors file, or") as error:
        read_torchfcn(tmp_path / name)
    assert not any(word in str(error.value) for word in ("weights_only", "PyTorch", "archive", "deserializing"))
    assert not recwarn.list


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FullconvError, match=r"is a folder; give a \.safetensors file"):
        read_torchfcn(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_anywhere_gives_a_one_line_error(tmp_path, zipped):
    path = tmp_path / "a.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for size in range(0, len(content), len(content) // 30):
        path.write_bytes(content[:size])
        with pytest.raises(FullconvError, match="not a file of tensors") as error:
            read_torchfcn(path)
        assert "\n" not in str(error.value)


def without_border(trunk):
    """The trunk with torchvision's own padding, on whose 224x224 pictures both compute the same maps."""
    first = next(module for module in trunk.modules() if isinstance(module, nn.Conv2d))
    first.padding = {3: (1, 1), 11: (2, 2), 7: (3, 3)}[first.kernel_size[0]]
    return trunk.eval()


@pytest.fixture(scope="module")
def photo():
    return torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "build"), [("vgg16", vgg16), ("alexnet", alexnet)])
def test_a_classifier_of_torchvision_and_its_trunk_compute_the_same(tmp_path, photo, name, build):
    classifier = getattr(torchvision.models, name)(weights=None).eval()
    torch.save(classifier.state_dict(), tmp_path / "a.pth")
    trunk = build()
    report = load_trunk_weights(trunk, tmp_path / "a.pth")
    assert set(report.unused) == {"fc8.weight", "fc8.bias"}
    assert not report.initialised
    with torch.inference_mode():
        fc7 = without_border(trunk)(photo)[32].flatten(1)
        last = classifier.classifier[6]
        torch.testing.assert_close(linear(fc7, last.weight, last.bias), classifier(photo), rtol=1e-4, atol=1e-5)


def test_googlenet_of_torchvision_with_its_batch_norms_folded(tmp_path, photo):
    classifier = torchvision.models.googlenet(weights=None, init_weights=False).eval()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    torch.save(classifier.state_dict(), tmp_path / "a.pth")
    trunk = googlenet_torchvision()
    report = load_trunk_weights(trunk, tmp_path / "a.pth")
    assert {name.split(".")[0] for name in report.unused} == {"fc", "loss1", "loss2"}
    assert not report.initialised
    with torch.inference_mode():
        features = without_border(trunk)(photo)[32].mean((2, 3))
        torch.testing.assert_close(classifier.fc(features), classifier(photo), rtol=1e-4, atol=1e-4)


def test_a_caffemodel_of_a_classifier_fills_a_trunk_too(tmp_path):
    rng = np.random.default_rng(0)
    layers = {
        layer.name: [caffe_nets.fill(layer, shape, rng) for shape in layer.shapes] for layer in caffe_nets.googlenet()
    }
    layers["loss3/classifier"] = [np.zeros((1000, 1024)), np.zeros(1000)]
    trunk = googlenet()
    report = load_trunk_weights(trunk, write_caffemodel(tmp_path / "a.caffemodel", layers))
    assert report.unused == ("loss3.classifier.bias", "loss3.classifier.weight")
    found = trunk.state_dict()["inception_3a.5x5_reduce.weight"]
    assert np.array_equal(found.numpy(), layers["inception_3a/5x5_reduce"][0])


def test_batch_normalised_vgg_has_no_trunk_here(tmp_path):
    with torch.device("meta"):
        state = torchvision.models.vgg11_bn(weights=None).state_dict()
    torch.save({name: torch.zeros(1) for name in state}, tmp_path / "a.pth")
    with pytest.raises(FullconvError, match="weights do not fit: the file lacks"):
        load_trunk_weights(googlenet(), tmp_path / "a.pth")
