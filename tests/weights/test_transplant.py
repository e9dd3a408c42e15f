"""Every parameter is copied, or declared, or named in the error."""

import numpy as np
import pytest
import torch
from torch import nn

from fullconv.errors import FullconvError
from fullconv.models import published
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig
from fullconv.weights.transplant import Transplanted, from_coarser, transplant


class Lazy:
    """Numbers that are read three at a time."""

    def __init__(self, value):
        self.value, self.shape = value, tuple(value.shape)

    def pieces(self):
        flat = self.value.ravel()
        for start in range(0, len(flat), 3):
            yield flat[start : start + 3]


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer(kind, *args, **kwargs):
    return nn.Sequential(kind(*args, **kwargs))


def given(value, lazy):
    return Lazy(value) if lazy else torch.from_numpy(value)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("shape", [(5, 18), (1, 1, 5, 18), (5, 2, 3, 3)])
def test_a_dense_layer_becomes_a_convolution(shape, lazy):
    net, weight = layer(nn.Conv2d, 2, 5, 3), array(*shape)
    report = transplant({"0.weight": given(weight, lazy), "0.bias": given(array(1, 1, 1, 5), lazy)}, net)
    assert np.array_equal(net[0].weight.detach().numpy(), weight.reshape(5, 2, 3, 3))
    assert "0.bias" in report.reshaped
    assert ("0.weight" in report.copied) == (shape == (5, 2, 3, 3))


@pytest.mark.parametrize("lazy", [False, True])
def test_the_diagonal_of_a_dense_deconvolution_is_used(lazy):
    net, dense = layer(nn.ConvTranspose2d, 3, 3, 4, groups=3, bias=False), array(3, 3, 4, 4)
    kernels = dense[range(3), range(3)].copy()
    dense *= np.eye(3, dtype=np.float32)[..., None, None]
    report = transplant({"0.weight": given(dense, lazy)}, net)
    assert report == Transplanted((), ("0.weight",), (), ())
    assert np.array_equal(net[0].weight[:, 0].detach().numpy(), kernels)


def test_the_grouped_deconvolution_computes_what_the_dense_one_does():
    dense, net = nn.ConvTranspose2d(3, 3, 4, 2, bias=False), layer(nn.ConvTranspose2d, 3, 3, 4, 2, groups=3, bias=False)
    with torch.no_grad():
        dense.weight *= torch.eye(3)[..., None, None]
        transplant({"0.weight": dense.weight}, net)
        x = torch.randn(1, 3, 5, 6)
        torch.testing.assert_close(net(x), dense(x))


def test_a_deconvolution_that_mixes_classes_is_refused():
    net, dense = layer(nn.ConvTranspose2d, 3, 3, 4, groups=3, bias=False), np.zeros((3, 3, 4, 4), np.float32)
    dense[0, 1, 2, 2] = 1e-9
    with pytest.raises(FullconvError, match=r"0\.weight mixes classes: .* found 1 other"):
        transplant({"0.weight": torch.from_numpy(dense)}, net)


@pytest.mark.parametrize(
    ("shape", "found"), [((18, 5), "18x5"), ((5, 3, 2, 3), "5x3x2x3"), ((5, 19), "5x19"), ((90,), "90")]
)
def test_a_wrong_shape_is_named_with_the_expected_one(shape, found):
    net = layer(nn.Conv2d, 2, 5, 3, bias=False)
    with pytest.raises(FullconvError, match=rf"differ for 1 .* 0\.weight \(expected 5x2x3x3, found {found}\)"):
        transplant({"0.weight": torch.zeros(shape)}, net)


def test_unused_and_missing_parameters_are_named():
    net, weight, bias = layer(nn.Linear, 2, 3), torch.zeros(3, 2), torch.zeros(3)
    with pytest.raises(FullconvError, match=r"lacks 1 parameter, such as 0\.bias \(expected 3\)"):
        transplant({"0.weight": weight}, net)
    with pytest.raises(FullconvError, match=r"network does not have 1 parameter, such as extra \(found 3x2\)"):
        transplant({"0.weight": weight, "0.bias": bias, "extra": weight}, net)
    report = transplant({"0.weight": weight, "extra": weight}, net, ["0.bias"], ["extra"])
    assert report == Transplanted(("0.weight",), (), ("0.bias",), ("extra",))
    assert str(report) == "1 copied, 0 reshaped, 1 start untrained (0.bias), 1 unused (extra)"


def test_nothing_is_copied_when_something_does_not_fit():
    net = layer(nn.Linear, 2, 3)
    before = net[0].weight.clone()
    with pytest.raises(FullconvError):
        transplant({"0.weight": torch.zeros(3, 2), "0.bias": torch.zeros(4)}, net)
    assert torch.equal(net[0].weight, before)


@pytest.mark.parametrize("lazy", [False, True])
def test_fewer_classes_fill_the_first_ones_when_asked(lazy):
    net = nn.ModuleDict({"score_fr": nn.Conv2d(4, 5, 1), "upscore": nn.ConvTranspose2d(5, 5, 4, groups=5, bias=False)})
    before = {name: value.clone() for name, value in net.state_dict().items()}
    dense = array(3, 3, 4, 4) * np.eye(3, dtype=np.float32)[..., None, None]
    arrays = {"score_fr.weight": array(3, 4, 1, 1), "score_fr.bias": array(3), "upscore.weight": dense}
    source = {name: given(value, lazy) for name, value in arrays.items()}
    with pytest.raises(FullconvError, match="shapes differ for 3"):
        transplant(source, net)
    report = transplant(source, net, more_classes=True)
    after = net.state_dict()
    assert set(report.reshaped) == set(arrays)
    assert np.array_equal(after["score_fr.weight"][:3].numpy(), arrays["score_fr.weight"])
    assert np.array_equal(after["upscore.weight"][:3, 0].numpy(), dense[range(3), range(3)])
    assert all(torch.equal(after[name][3:], before[name][3:]) for name in before)


def test_half_precision_is_widened():
    net = layer(nn.Conv2d, 2, 5, 3, bias=False)
    weight = torch.randn(5, 2, 3, 3).half()
    transplant({"0.weight": weight}, net)
    assert torch.equal(net[0].weight, weight.float())


def small(stride, trunk="resnet18", **values):
    config = published.config("voc-fcn32s")
    architecture = Architecture(trunk, stride, **values)
    return build(ModelConfig("small", architecture, config.classes, config.normalisation))


@pytest.mark.parametrize("values", [{}, {"learned_upsampling": True}])
@pytest.mark.parametrize(("coarse", "fine", "new"), [(32, 16, "score_pool4"), (16, 8, "score_pool3")])
def test_a_finer_net_starts_from_a_coarser_one(coarse, fine, new, values):
    source, net = small(coarse, **values), small(fine, **values)
    nn.init.normal_(source.score_fr.weight)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    report = from_coarser(source.state_dict(), net)
    after = net.state_dict()
    for name, value in source.state_dict().items():
        assert name in report.unused or torch.equal(after[name], value)
    assert all(torch.equal(after[name], fresh[name]) for name in report.initialised)
    assert f"{new}.weight" in report.initialised
    assert all(name.startswith(("score_pool", "upscore")) for name in report.initialised)
    assert all(name.startswith("upscore") for name in report.unused)


@pytest.mark.parametrize(
    ("coarse", "fine", "initialised", "unused"),
    [
        ("voc-fcn32s", "voc-fcn16s", {"score_pool4", "upscore2", "upscore16"}, {"upscore"}),
        ("voc-fcn16s", "voc-fcn8s", {"score_pool3", "upscore_pool4", "upscore8"}, {"upscore16"}),
        (
            "siftflow-fcn16s", "siftflow-fcn8s",
            {f"{layer}_{head}" for layer in ("score_pool3", "upscore_pool4", "upscore8") for head in ("sem", "geo")},
            {"upscore16_sem", "upscore16_geo"},
        ),
    ],
)  # fmt: skip
def test_the_published_ladder(coarse, fine, initialised, unused):
    with torch.device("meta"):  # names and shapes alone
        report = from_coarser(published.build(coarse).state_dict(), published.build(fine))
    assert {name.split(".")[0] for name in report.initialised} == initialised
    assert {name.split(".")[0] for name in report.unused} == unused
    assert not report.reshaped


def test_a_finer_net_scores_as_the_coarser_one_until_it_has_learned():
    source, net = small(32).eval(), small(16).eval()
    nn.init.normal_(source.score_fr.weight)
    from_coarser(source.state_dict(), net)
    image = torch.rand(1, 3, 224, 224) * 255
    with torch.inference_mode():
        coarse, fine = source(image), net(image)
    centre = (
        ...,
        slice(64, 160),
        slice(64, 160),
    )  # away from the border, where enlarging in two steps sees zeros twice
    assert (coarse[centre] - fine[centre]).abs().mean() < 0.1 * coarse[centre].std()


def test_another_trunk_is_refused():
    with pytest.raises(FullconvError, match="trunk"):
        from_coarser(small(32).state_dict(), small(16, "resnet34"))
