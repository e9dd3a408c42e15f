"""The contract of every FCN: scores of the input's size, whatever that is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.fcn import FCN
from fullconv.models.trunks import normalisation_of

HALF = NormalisationValues((127.5,) * 3, (127.5,) * 3)
STRIDES = (4, 8, 16, 32)


def build(stride=8, trunk="tf_efficientnet_lite0", hidden=0, learned=False, classes=3) -> FCN:
    torch.manual_seed(0)
    return FCN.of(Architecture(trunk, stride, hidden, learned), classes, HALF).eval()


def with_random_scores(net: FCN) -> FCN:
    """Scores start at zero; give them values, so that a wrong offset shows."""
    for name, parameter in net.named_parameters():
        if name.startswith("score") and parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=0.1)
    return net


@pytest.fixture(scope="module")
def nets():
    return {stride: with_random_scores(build(stride, hidden=8)) for stride in STRIDES}


@pytest.mark.parametrize("trunk", ["tf_efficientnet_lite0", "resnet18", "mobilenetv3_small_100", "vgg11_bn"])
@pytest.mark.parametrize("stride", STRIDES)
def test_any_trunk_and_stride_gives_scores_of_the_inputs_size(trunk, stride):
    scores = build(stride, trunk)(torch.zeros(2, 3, 70, 45, dtype=torch.uint8))
    assert scores.shape == (2, 3, 70, 45)


@pytest.mark.parametrize("channels", [1, 4])
def test_images_can_have_any_number_of_channels(channels):
    net = FCN(classes=3, trunk="test_resnet", channels=channels)
    assert net(torch.zeros(2, channels, 70, 45)).shape == (2, 3, 70, 45)
    assert len(net.normalise.mean.flatten()) == channels


def test_a_trunk_keeps_its_own_normalisation_if_it_takes_this_number_of_channels():
    net = FCN(classes=3, trunk="resnet18")
    assert net.normalise.mean.flatten().tolist() == pytest.approx(normalisation_of("resnet18")[0])


@given(st.integers(1, 130), st.integers(1, 130), st.sampled_from(STRIDES))
@settings(max_examples=20, deadline=None)
def test_every_size_fits(nets, height, width, stride):
    with torch.inference_mode():
        assert nets[stride](torch.zeros(1, 3, height, width)).shape == (1, 3, height, width)


def test_skips_are_the_papers_ladder():
    assert [build(stride).skips for stride in (32, 16, 8, 4)] == [(), (16,), (16, 8), (16, 8, 4)]


def test_parameters_have_the_papers_names():
    names = {name.split(".")[0] for name, _ in build(8).named_parameters()}
    assert names == {"trunk", "score_fr", "score_pool4", "score_pool3", "upscore2", "upscore_pool4", "upscore8"}


def test_a_new_net_scores_zero_and_so_adds_nothing_to_what_a_coarser_one_knew():
    assert build(8)(torch.rand(1, 3, 64, 64) * 255).abs().max() == 0


def test_padding_is_the_mean_colour():
    """A 40x40 picture scores as the same picture on a 64x64 canvas of the mean colour."""
    net = with_random_scores(build(4))
    image = torch.rand(1, 3, 40, 40) * 255
    canvas = torch.full((1, 3, 64, 64), 127.5)
    canvas[..., :40, :40] = image
    with torch.inference_mode():
        torch.testing.assert_close(net(image), net(canvas)[..., :40, :40])


def test_shifting_the_image_by_32_shifts_the_scores():
    """Translation equivariance at the coarsest stride, far from the border."""
    net = with_random_scores(build(4, "resnet18"))
    image = torch.rand(1, 3, 640, 640) * 255
    with torch.inference_mode():
        a, b = net(image), net(image.roll((32, 32), (2, 3)))
    torch.testing.assert_close(a[..., 300:310, 300:310], b[..., 332:342, 332:342], atol=1e-4, rtol=1e-3)


def test_gradients_reach_the_trunk_and_fixed_kernels_stay_fixed():
    for learned in (False, True):
        net = with_random_scores(build(8, learned=learned)).train()
        net(torch.rand(2, 3, 64, 64) * 255).square().mean().backward()
        assert net.trunk.network.conv_stem.weight.grad.abs().sum() > 0
        assert (net.get_submodule("upscore2").weight.grad is not None) == learned


def test_fixed_same_padding_gives_timms_answer():
    import timm

    theirs = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    net = build(4)
    net.trunk.network.load_state_dict(theirs.state_dict())
    image = torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        for ours, expected in zip(net.trunk(image).values(), theirs(image), strict=True):
            torch.testing.assert_close(ours, expected)


def test_unknown_trunks_and_strides_say_what_to_do():
    with pytest.raises(FullconvError, match="similar names: resnet"):
        build(trunk="resnet17x")
    with pytest.raises(FullconvError, match="stride 7"):
        Architecture(stride=7)
    with pytest.raises(FullconvError, match="no features at strides"):
        build(trunk="vit_tiny_patch16_224")


def test_normalisation_is_timms_in_units_of_255():
    assert normalisation_of("resnet18") == (
        pytest.approx((123.675, 116.28, 103.53)),
        pytest.approx((58.395, 57.12, 57.375)),
    )
    assert normalisation_of("tf_efficientnet_lite0")[0] == (127.5,) * 3
