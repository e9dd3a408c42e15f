"""The contract of every network: scores of the picture's size, a step of training, the same labels from its graph."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fullconv.classes import Classes
from fullconv.models import published, vgg
from fullconv.models import strips as bands
from fullconv.models.border import spare_border
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, parse_arch
from fullconv.models.fcn import FCN
from fullconv.models.network import Network
from fullconv.models.segnet import SegNet
from fullconv.models.unet import UNet
from fullconv.training.losses import SegmentationLoss

ARCHS = ["fcn32s", "fcn16s", "fcn8s", "fcn4s", "fcn2s", "unet", "unet-classic", "unet-valid", "segnet", "segnet-basic"]
ARCHS = [*ARCHS, "encoder-only"]
DISTINCT = {  # the others consist of the same operators
    "voc-fcn8s-atonce", "voc-fcn-alexnet", "fcn-googlenet", "nyud-fcn32s-color-d", "nyud-fcn32s-color-hha",
    "siftflow-fcn16s",
}  # fmt: skip
HALF = NormalisationValues((127.5,) * 3, (127.5,) * 3)


def slow(name: str):
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.fixture
def narrow(monkeypatch):
    """VGG-16 with an eighth of its channels: the same layers and geometry, seconds instead of minutes."""
    monkeypatch.setattr(vgg, "STAGES", {stage: (count, width // 8) for stage, (count, width) in vgg.STAGES.items()})
    monkeypatch.setattr(vgg, "DENSE", 64)


def config_of(name: str) -> ModelConfig:
    if name in published.NETS:
        return published.config(name)
    values = {"trunk": "resnet18", **parse_arch(name)}
    return ModelConfig(name, Architecture(**values), Classes.named(["a", "b", "c"]), HALF)


def trained_looking(config: ModelConfig) -> Network:
    """Random parameters of a scale that keeps scores spread (He), and no class that wins everywhere."""
    torch.manual_seed(0)
    net = build(config).eval()
    for name, parameter in net.named_parameters():
        if parameter.ndim == 4 and "up" not in name:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    coarsest = [layer for name, layer in net.named_modules() if re.fullmatch(r"score(_fr\w*)?", name)]
    with torch.inference_mode():
        image = torch.from_numpy(photo(96, 128, len(config.normalisation.mean))).permute(2, 0, 1)[None]
        means = net(image).mean((0, 2, 3)).split([layer.out_channels for layer in coarsest[: len(net_heads(config))]])
    for layer, mean in zip(coarsest, means * len(coarsest), strict=False):
        layer.bias.data -= mean
    return net


def net_heads(config: ModelConfig) -> dict[str, int]:
    return config.architecture.heads or {"": len(config.classes)}


def photo(height: int, width: int, channels: int = 3) -> np.ndarray:
    image = np.asarray(Image.open("examples/chelsea.jpg").resize((width, height)))
    return np.ascontiguousarray(np.concatenate([image, image[:, ::-1]], 2)[..., :channels])


@pytest.fixture(scope="module")
def nets():
    return {arch: trained_looking(config_of(arch)) for arch in ARCHS}


@pytest.mark.parametrize("arch", ARCHS)
@given(size=st.tuples(st.integers(1, 80), st.integers(1, 80)))
@settings(max_examples=4, deadline=None)
def test_scores_have_the_pictures_size(nets, arch, size):
    with torch.inference_mode():
        assert nets[arch](torch.zeros(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize("arch", [*ARCHS, *sorted(DISTINCT)])
def test_labels_are_the_best_of_the_scores(narrow, arch, monkeypatch):
    """To the last tie, though a network that ends in an upsampling never makes all of its scores."""
    config = config_of(arch)
    net = trained_looking(config)
    monkeypatch.setattr(bands, "VALUES", 500)
    for height, width in ((97, 131), (1, 40), (64, 33)):
        image = torch.from_numpy(photo(height, width, len(config.normalisation.mean))).permute(2, 0, 1)[None]
        with torch.inference_mode():
            assert torch.equal(net.labels(image), net.label_map(net(image)))


class Strangers(TorchDispatchMode):
    """Notes operators that touch the processor's memory, or ask for a value."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = operator(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, torch.Tensor) and x.ndim]
        if operator is torch.ops.aten._local_scalar_dense.default or any(x.device.type == "cpu" for x in tensors):
            self.found.append(str(operator))
        return result


@pytest.mark.parametrize("arch", [*ARCHS, *sorted(DISTINCT)])
def test_on_a_gpu_nothing_comes_from_the_processors_memory(narrow, arch):
    """On one that is made up (no numbers, shapes and devices only): a CUDA graph cannot record a copy of that kind."""
    config = config_of(arch)
    with FakeTensorMode():
        with torch.device("cuda"):
            net = spare_border(build(config).eval())
            image = torch.zeros(1, len(config.normalisation.mean), 96, 128, dtype=torch.uint8)
        with torch.inference_mode(), Strangers() as strangers:
            assert net.labels(image).shape == (1, 96, 128)
    assert strangers.found == []


@pytest.mark.parametrize("arch", [*ARCHS, *published.NETS])
def test_a_step_of_training_lowers_the_loss(narrow, arch):
    config = config_of(arch)
    net = trained_looking(config).eval()  # no dropout: the same batch twice
    channels = len(config.normalisation.mean)
    image = torch.from_numpy(photo(64, 96, channels)).permute(2, 0, 1)[None]
    labels = (image[:, 0] // 86).long()  # three grey levels to tell apart
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 1e-4)
    losses = []
    for _ in range(2):
        loss = SegmentationLoss()(net(image), labels)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        gradients = [p.grad for p in net.parameters() if p.requires_grad]
        assert all(g is not None and g.isfinite().all() for g in gradients)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    assert losses[1] < losses[0]


@pytest.mark.parametrize("arch", [*ARCHS, *(n if n in DISTINCT else slow(n) for n in published.NETS)])
def test_the_graph_labels_as_torch_does(narrow, arch, tmp_path):
    """In a SegNet, rounding may move a maximum to another place of its pooling window, and with it the labels there."""
    from fullconv.exporting.onnx import export_onnx
    from fullconv.prediction.engines.choice import Choice, open_engine
    from fullconv.weights.checkpoint import load_model, save_model
    from fullconv.weights.model_folder import open_folder

    config = config_of(arch)
    save_model(tmp_path, trained_looking(config), config)
    export_onnx(tmp_path)
    net, _ = load_model(tmp_path)
    fixed = config.architecture.multiple_of > 1
    engine = open_engine(open_folder(tmp_path), Choice("openvino", "fp32"))
    for height, width in ((96, 128), (160, 64)) if fixed else ((97, 131), (150, 67)):
        batch = photo(height, width, len(config.normalisation.mean))[None]
        with torch.inference_mode():
            expected = net.label_map(net(torch.from_numpy(batch).permute(0, 3, 1, 2))).numpy()
        assert len(np.unique(expected)) > 1
        assert (engine.label_maps(batch) == expected).mean() >= (0.99 if arch == "segnet" else 0.9999)


def test_the_exact_nets_of_the_papers():
    """Parameters as their authors count them: U-Net 31.03 million, SegNet 29.46, SegNet-Basic 1.42."""
    for arch, millions in (("unet-valid", 31.03), ("segnet", 29.45), ("segnet-basic", 1.41)):
        net = build(config_of(arch))
        assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.02)


def test_networks_from_plain_numbers_are_those_of_their_config():
    """The same parameters by name and shape, and the same scores, as those that config.json would give."""
    plain = {
        "fcn16s": FCN(classes=5, stride=16, trunk="resnet18"),
        "unet": UNet(classes=5, trunk="resnet18"),
        "unet-valid": UNet(classes=5, padded=False),
        "segnet-basic": SegNet(classes=5, basic=True),
    }
    for arch, net in plain.items():
        values = {"trunk": "resnet18", "score_hidden": 64 if arch.startswith("fcn") else 0, **parse_arch(arch)}
        architecture = Architecture(**values)
        other = type(net).of(architecture, 5, net_normalisation(net))
        assert net.architecture == architecture
        other.load_state_dict(net.state_dict())
        image = torch.rand(1, 3, 70, 90) * 255
        torch.testing.assert_close(net.eval()(image), other.eval()(image))


def net_normalisation(net):
    return NormalisationValues(
        tuple(net.normalise.mean.flatten().tolist()), tuple(net.normalise.std.flatten().tolist())
    )
