"""Section 3.2 of the paper: shift-and-stitch and dilation give the same dense scores."""

import pytest
import torch
from torch import nn

from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.dense_scores import coarse_scores, dilate, shift_and_stitch
from fullconv.models.fcn import FCN
from fullconv.models.layered import CeilPool, LayeredTrunk

PLAIN = NormalisationValues((0.0,) * 3, (1.0,) * 3)


def small_net(padding: int = 0, inner: int = 0) -> FCN:
    """FCN-32s over a trunk of seven layers: strides 4, 2, 2, 2, as CaffeNet's."""
    torch.manual_seed(0)
    with torch.device("meta"):
        net = FCN.of(Architecture("caffenet", 32, alignment="caffe", last_kernel=63), 5, PLAIN)
    layers: dict[str, nn.Module] = {"conv1": nn.Conv2d(3, 6, 5, 4, padding)}
    for i in (1, 2, 3):
        layers |= {f"relu{i}": nn.ReLU(), f"pool{i}": CeilPool(3, 2), f"conv{i + 1}": nn.Conv2d(6, 6, 3, padding=inner)}
    net.trunk = LayeredTrunk(layers, {32: "conv4"}, {32: 6})
    net.score_fr = nn.Conv2d(6, 5, 1)
    net.normalise = nn.Identity()
    return net.eval()


@pytest.mark.parametrize("stride", [16, 8, 4])
def test_both_give_the_same_scores(stride):
    net, image = small_net(padding=20), torch.randn(1, 3, 270, 291)
    with torch.inference_mode():
        dense = coarse_scores(dilate(net, stride), image)
        stitched = shift_and_stitch(net, image, 32 // stride)
    height, width = dense.shape[2] - 2, dense.shape[3] - 2  # the last ones hang on padding of the pools
    assert min(height, width) > 3
    torch.testing.assert_close(dense[..., :height, :width], stitched[..., :height, :width], atol=1e-5, rtol=1e-4)


def test_with_padding_inside_they_agree_away_from_the_border():
    net, image = small_net(padding=20, inner=1), torch.randn(1, 3, 470, 470)
    with torch.inference_mode():
        dense, stitched = coarse_scores(dilate(net, 8), image), shift_and_stitch(net, image, 4)
    inside = slice(24, 32)
    torch.testing.assert_close(dense[..., inside, inside], stitched[..., inside, inside], atol=1e-5, rtol=1e-4)
    assert (dense[..., :4, :4] - stitched[..., :4, :4]).abs().max() > 1e-3


def test_the_coarse_scores_are_every_fourth_of_the_dense_ones():
    net, image = small_net(padding=20), torch.randn(1, 3, 270, 291)
    with torch.inference_mode():
        coarse, dense = coarse_scores(net, image), coarse_scores(dilate(net, 8), image)
    torch.testing.assert_close(coarse[..., :3, :3], dense[..., :9:4, :9:4], atol=1e-5, rtol=1e-4)


def test_the_original_network_does_not_change():
    net, image = small_net(), torch.randn(1, 3, 200, 200)
    before = coarse_scores(net, image)
    dilate(net, 8)
    shift_and_stitch(net, image, 2)
    assert torch.equal(before, coarse_scores(net, image))


def test_impossible_requests_are_reported():
    with pytest.raises(FullconvError, match="stride 2: the trunk reaches the strides 1"):
        dilate(small_net(), 2)
    with pytest.raises(FullconvError, match="factor 3"):
        shift_and_stitch(small_net(), torch.zeros(1, 3, 64, 64), 3)
    with pytest.raises(FullconvError, match="the paper's trunks"):
        dilate(FCN.of(Architecture("resnet18", 32), 2, PLAIN), 8)


def test_what_is_dilated_is_exported_as_it_computes():
    net, image = dilate(small_net(padding=20), 8), torch.randn(1, 3, 270, 291)
    with torch.no_grad():
        exported = torch.export.export(net.trunk, (image,)).module()
        torch.testing.assert_close(exported(image)[32], net.trunk(image)[32])
