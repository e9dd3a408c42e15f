"""Windows against hand-computed ones, and against where gradients arrive."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.fcn import FCN
from fullconv.models.geometry import PICTURE, Window, deconvolution
from fullconv.models.tracing import last_step, receptive_field, trace
from fullconv.models.trunks import Trunk


class Applied(nn.Module):
    """A function of maps as a network."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def window(function, *layers, size=64, module="") -> Window:
    return receptive_field(Applied(function, *layers).eval(), module, size).rows


def vgg16() -> nn.Sequential:
    """The classifier of arXiv 1409.1556 made of convolutions, written out independently of the package."""
    layers, channels = [], 3
    for count, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Conv2d(512, 4096, 7), nn.ReLU(), nn.Conv2d(4096, 4096, 1)]
    with torch.device("meta"):  # the numbers are not needed, and fc6 alone has 400 MB of them
        return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def meta_vgg16():
    return vgg16()


def test_vgg16_sees_404_pixels_at_stride_32(meta_vgg16):
    step = receptive_field(meta_vgg16)
    assert (step.rows.stride, step.rows.size) == (32, 404)
    assert step.rows == step.columns
    assert step.operation == "convolution"
    assert not step.whole


def test_layers_are_found_by_name_and_a_wrong_name_says_what_is_near(meta_vgg16):
    assert receptive_field(meta_vgg16, "2").rows.size == 5  # conv1_2
    assert receptive_field(meta_vgg16, "30").rows.size == 212  # pool5
    with pytest.raises(FullconvError, match="no layer 'conv9' in the network; similar names: "):
        receptive_field(meta_vgg16, "conv9")


@pytest.mark.parametrize(("module", "size"), [("conv1", 7), ("maxpool", 11), ("layer1", 43), ("layer4", 435)])
def test_resnet18(module, size):
    step = receptive_field(Trunk("resnet18", (4, 8, 16, 32)).eval(), f"network.{module}")
    assert step.rows.size == size


def test_one_layer_at_a_time():
    three = nn.Conv2d(3, 3, 3)
    assert window(lambda x, f: f(x), three) == Window(1, 0, 2)
    assert window(lambda x, f: f(x), nn.Conv2d(3, 3, 3, padding=4, dilation=4, groups=3)) == Window(1, -4, 4)
    assert window(lambda x, f: f(x), nn.ConvTranspose2d(3, 3, 16, 8, 4)) == deconvolution(16, 8, 4)
    assert window(lambda x, f: f(F.pad(x, (9, 9, 2, 1))), three) == Window(1, -2, 0)
    assert window(lambda x: x[..., 5::3, :]) == Window(3, 5, 5)
    assert window(lambda x: x[:, :2, -4:, 1:]) == Window(1, 60, 60)
    assert window(lambda x: F.max_pool2d(x, 3, 2, 1)) == Window(2, -1, 1)
    assert window(lambda x: F.avg_pool2d(x, 2)) == Window(2, 0, 1)
    assert window(lambda x: F.interpolate(x, scale_factor=2)) == Window(PICTURE.stride / 2, -PICTURE.stride / 2, 0)
    assert window(lambda x: F.local_response_norm(x, 3)) == PICTURE
    assert window(lambda x: x.flip(1).chunk(3, 1)[0].softmax(1)) == PICTURE


def test_rows_and_columns_are_distinguished():
    step = receptive_field(nn.Conv2d(3, 3, (1, 7), (1, 2), (0, 3)).eval())
    assert (step.rows, step.columns) == (PICTURE, Window(2, -3, 3))
    turned = receptive_field(Applied(lambda x, f: f(x).permute(0, 2, 3, 1).transpose(1, 2), nn.Conv2d(3, 3, (1, 7))))
    assert (turned.rows.size, turned.columns.size) == (1, 7)


def test_joined_maps_see_the_union():
    left, right = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, (5, 5), padding=0)
    assert window(lambda x, a, b: a(x)[..., :60, :60] + b(x), left, right) == Window(1, -1, 4)
    assert window(lambda x, a, b: torch.cat([a(x)[..., 2:-2, 2:-2], b(x)], 1), left, right) == Window(1, 0, 4)
    with pytest.raises(FullconvError, match=r"add.*strides 2 and 1 cannot be joined"):
        window(lambda x: x[..., ::2, ::2] + x[..., :32, :32])


def test_a_mean_over_the_map_sees_everything_and_says_so():
    def squeeze_and_excite(x, f):
        return f(x) * f(x).mean((2, 3), keepdim=True).sigmoid()

    step = receptive_field(Applied(squeeze_and_excite, nn.Conv2d(3, 3, 2, 2)).eval(), size=64)
    assert step.whole
    assert step.rows.stride == 2
    for y in range(32):
        assert step.rows.stride * y + step.rows.first <= 0
        assert step.rows.stride * y + step.rows.last >= 63
    answer = receptive_field(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5)).eval(), size=64)
    assert answer.whole
    assert answer.rows == Window(0, 0, 63)


def test_unpooling_leads_back_to_the_grid_of_its_pooling():
    def segnet(x):
        pooled, where = F.max_pool2d(x, 2, return_indices=True)
        return F.max_unpool2d(pooled * 2, where, 2)

    step = receptive_field(Applied(segnet).eval())
    assert step.rows == Window(2, 0, 1).then(deconvolution(2, 2))
    with pytest.raises(FullconvError, match="indices of a max pooling"):
        window(lambda x: F.max_unpool2d(x, x.long(), 2))


def test_an_unknown_operation_is_named_rather_than_guessed():
    with pytest.raises(FullconvError, match=r"aten.cumsum.default: no known geometry"):
        window(lambda x: x.cumsum(2))
    with pytest.raises(FullconvError, match=r"aten.view.default: a reshape .* mixes rows and columns"):
        window(lambda x: x.view(1, -1))


def test_a_picture_that_is_too_small_is_one_line():
    with pytest.raises(FullconvError, match="cannot be run on 8x8 pixels") as error:
        window(lambda x, f: f(x), nn.Conv2d(3, 3, 11), size=8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("trunk", ["resnet18", "tf_efficientnet_lite0"])
def test_scores_of_a_whole_fcn_have_a_finite_window_at_picture_size(trunk):
    network = FCN.of(Architecture(trunk, 8), 3, NormalisationValues((127.5,) * 3, (127.5,) * 3)).eval()
    sizes = [trace(network, size, size + 20)[-1] for size in (200, 640)]
    assert sizes[0].shape == (1, 3, 200, 220)
    assert sizes[0].rows == sizes[1].rows
    assert sizes[0].rows.stride == 1
    assert not sizes[0].whole
    coarsest = last_step(trace(network, 640, 640), "trunk.network").rows.size
    assert coarsest < sizes[0].rows.size < coarsest + 4 * 32


def test_scores_do_not_change_with_pixels_outside_their_window():
    """What an exact halo of tiles rests on."""
    torch.manual_seed(0)
    network = FCN.of(
        Architecture("resnet18", 8, score_hidden=8), 3, NormalisationValues((127.5,) * 3, (127.5,) * 3)
    ).eval()
    for name, parameter in network.named_parameters():
        if name.startswith("score") and parameter.ndim == 4:
            nn.init.normal_(parameter, std=0.1)
    window, y = trace(network, 640, 640)[-1].rows, 321
    picture = torch.rand(1, 3, 640, 640) * 255
    other = torch.rand(1, 3, 640, 640) * 255
    seen = slice(y + math.ceil(window.first), y + math.floor(window.last) + 1)
    other[..., seen, seen] = picture[..., seen, seen]
    with torch.inference_mode():
        one, two = network(picture)[..., y, y], network(other)[..., y, y]
    torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)
    assert one.abs().min() > 1e-3


LAYERS = st.tuples(
    st.sampled_from(["convolution", "average", "deconvolution"]),
    st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2),
)  # fmt: skip


def build(layers) -> nn.Sequential:
    stack = []
    for kind, kernel, stride, padding, dilation in layers:
        if kind == "average":
            stack.append(nn.AvgPool2d(kernel, stride, min(padding, kernel // 2)))
        elif kind == "convolution":
            stack.append(nn.Conv2d(1, 1, kernel, stride, padding, dilation, bias=False))
        else:
            stack.append(nn.ConvTranspose2d(1, 1, kernel, stride, min(padding, kernel - 1), bias=False))
    for layer in stack:
        for parameter in layer.parameters():
            nn.init.constant_(parameter, 1.0)
    return nn.Sequential(*stack).double().eval()


@given(st.lists(LAYERS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_gradients_arrive_exactly_in_the_window(layers):
    """With positive kernels, the pixels that a score answers to are those of its window."""
    size = 120
    picture = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    network = build(layers)
    output = network(picture)
    seen = trace(network, size, size, channels=1)[-1].rows
    y = output.shape[-1] // 2
    first, last = (math.ceil(seen.stride * y + seen.first), math.floor(seen.stride * y + seen.last))
    assume(output.shape[-1] < 2 * size and first > 2 * seen.stride and last < size - 2 * seen.stride)
    output[0, 0, y, y].backward()
    hit = picture.grad[0, 0].nonzero()
    if not len(hit):
        assert any(layer[0] == "deconvolution" for layer in layers)  # a stride over its kernel leaves gaps
        return
    assert hit[:, 0].min() >= first
    assert hit[:, 0].max() <= last
    if not any(layer[0] == "deconvolution" for layer in layers):
        assert (hit[:, 0].min(), hit[:, 0].max()) == (first, last)
