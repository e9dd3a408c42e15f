from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fullconv.training.depthwise import Float32Gradients, float32_gradients
from fullconv.training.processes import new_accelerator

LAYERS = {
    "5x5": nn.Conv2d(8, 8, 5, padding=2, groups=8), "stride 2": nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False),
    "dilated": nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), "3x3": nn.Conv2d(8, 8, 3, 1, 1, groups=8),
    "padded by name": nn.Conv2d(8, 8, 5, padding="same", groups=8), "dense": nn.Conv2d(8, 6, 5, groups=2),
}  # fmt: skip


def outcome(layer, images, mode, precision):
    """The output, and the gradients of input and parameters of a loss that weighs outputs differently."""
    layer.zero_grad()
    images = images.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, precision == "bf16"), mode:
        output = layer(images)
    (output.float() * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
    return [output, images.grad, *(p.grad.clone() for p in layer.parameters())]


def error(found, expected):
    return float((found.float() - expected).norm().detach() / expected.detach().norm())


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_float32_as_far_as_bf16_goes(name):
    torch.manual_seed(0)
    layer, images = LAYERS[name], torch.randn(3, 8, 11, 14)
    plain = outcome(layer, images, nullcontext(), "fp32")
    found = outcome(layer, images, Float32Gradients(), "bf16")
    assert found[0].dtype == torch.bfloat16
    for value, expected in zip(found, plain, strict=True):
        assert error(value, expected) < 0.01


def test_what_is_not_depthwise_is_untouched():
    layer, images = LAYERS["dense"], torch.randn(2, 8, 9, 9)
    plain, found = (outcome(layer, images, mode, "bf16") for mode in (nullcontext(), Float32Gradients()))
    assert all(torch.equal(a, b) for a, b in zip(plain, found, strict=True))


def test_only_steps_of_bf16_on_a_cpu_are_arranged_so():
    weight, images = torch.ones(4, 1, 5, 5, requires_grad=True), torch.ones(1, 4, 8, 8)
    for precision, name in (("bf16", "DepthwiseBackward"), ("fp32", "ConvolutionBackward0")):
        with float32_gradients(new_accelerator(precision)):
            output = F.conv2d(images, weight, groups=4)
        assert type(output.grad_fn).__name__ == name
