"""Computes the gradients of depthwise convolutions in float32 while the rest of a step on a CPU runs in bf16.

oneDNN's bf16 kernels for these gradients are slow: for 5x5 kernels and for strides they take 2.5 to 16 times as long as
float32 (benchmarks/depthwise.py), which is half the time of a step of an EfficientNet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor
from torch.overrides import TorchFunctionMode

Pair = tuple[int, int]
FAST_ENOUGH = (3, 3), (1, 1)  # kernel and stride that are fast in bf16


def float32_gradients(accelerator: Accelerator) -> AbstractContextManager[object]:
    """Inside this block, forward and backward passes of a network work this way if the precision is bf16 on a CPU."""
    wanted = accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16"
    return Float32Gradients() if wanted else nullcontext()


class Float32Gradients(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return (conv2d if func is F.conv2d else func)(*args, **(kwargs or {}))


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """torch's conv2d, but gradients that are slow in bf16 are computed in float32."""
    depthwise = groups == input.shape[1] == weight.shape[0] > 1
    is_slow = depthwise and (tuple(weight.shape[2:]), pair(stride)) != FAST_ENOUGH
    if not is_slow or isinstance(padding, str):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    half = Depthwise.apply(input.bfloat16(), weight.bfloat16(), pair(stride), pair(padding), pair(dilation))
    return half if bias is None else half + bias.bfloat16()[:, None, None]


class Depthwise(torch.autograd.Function):
    """(N, C, H, W) and (C, 1, h, w) in bf16 → (N, C, H', W') in bf16. The backward pass uses float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return F.conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = (saved.float() for saved in ctx.saved_tensors)
        wanted = [*ctx.needs_input_grad[:2], False]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float(), x, weight, None, *ctx.geometry, False, [0, 0], len(weight), wanted
        )
        half = [None if part is None else part.bfloat16() for part in (of_x, of_weight)]
        return (*half, None, None, None)


def pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
