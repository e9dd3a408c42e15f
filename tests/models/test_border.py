"""The border of the paper's nets, computed where the picture reaches: the maps of the plain trunk."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fullconv.models import published
from fullconv.models.border import BorderedTrunk, photo_free, spare_border
from fullconv.models.geometry import through
from fullconv.models.layered import CeilPool, LayeredTrunk
from fullconv.models.vgg import TAPS, vgg16


@pytest.fixture(scope="module")
def narrow():
    """VGG-16 with 2 to 8 channels a map: the same geometry in no time."""
    torch.manual_seed(0)
    layers, inside = {}, 3
    for name, layer in vgg16().named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d) and name.startswith("conv"):
            layers[name] = nn.Conv2d(inside, 2 + inside % 7, 3, padding=layer.padding)
            inside = layers[name].out_channels
            nn.init.normal_(layers[name].weight, 0, math.sqrt(2 / layers[name].weight[0].numel()))
            nn.init.normal_(layers[name].bias, 0, 0.5)  # so that the far values are no zeros
    trunk = LayeredTrunk(
        {name: layer for name, layer in layers.items() if "6" not in name and "7" not in name}, TAPS, {}
    )
    return trunk.double().eval()


@given(st.integers(1, 70), st.integers(1, 70))
@settings(max_examples=25, deadline=None)
def test_every_map_is_the_plain_trunks(narrow, height, width):
    image = torch.randn(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(height))
    with torch.no_grad():
        expected, found = narrow(image), BorderedTrunk(narrow)(image)
    assert list(found) == list(expected)
    for stride, features in expected.items():
        torch.testing.assert_close(found[stride], features, rtol=1e-9, atol=1e-9)


def test_positions_left_out_see_no_picture_and_the_next_would():
    """A picture of one pixel, seen by a mean over each window, so that nothing that reaches it stays zero."""
    layers = [nn.Conv2d(1, 1, 3, padding=100), nn.Conv2d(1, 1, 3, padding=1), CeilPool(2, 2)]
    layers += [nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
    with torch.no_grad():
        seen = nn.Sequential(*layers)(torch.ones(1, 1, 1, 1))[0, 0].sum(0).nonzero().flatten()
    size = 100  # of the maps: (1 + 2 * 100 - 2 + 1) / 2
    skipped, free = photo_free(layers, 100), min(int(seen[0]), size - 1 - int(seen[-1]))
    assert skipped % 2 == 0
    assert free - 3 < skipped < free
    assert through(layers).stride == 2


def test_a_published_net_keeps_its_parameters_and_saves_a_quarter_of_its_arithmetic():
    with torch.device("meta"):
        net = published.build("voc-fcn8s").eval()
    flops = [flops_of(net)]
    parameters = dict(net.named_parameters())
    flops.append(flops_of(spare_border(net)))
    assert flops[1] < 0.75 * flops[0]
    assert isinstance(net.trunk, BorderedTrunk)
    assert {id(value) for value in net.parameters()} == {id(value) for value in parameters.values()}


def flops_of(net):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, 3, 375, 500, device="meta"))
    return counter.get_total_flops()


def test_nets_without_a_wide_border_stay_as_they_are():
    with torch.device("meta"):
        net = spare_border(published.build("voc-fcn-alexnet"))
    assert isinstance(net.trunk, LayeredTrunk)
