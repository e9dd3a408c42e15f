"""Depthwise convolutions of EfficientNet-Lite0 at 256x256, batch 16: milliseconds forward and backward by data type.

usage: python benchmarks/depthwise.py
"""

from __future__ import annotations

import time

import torch
from torch import nn

SHAPES = [  # channels, pixels a side, kernel, stride
    (32, 128, 3, 1), (96, 128, 3, 2), (144, 64, 3, 1), (144, 64, 5, 2), (240, 32, 5, 1), (240, 32, 3, 2),
    (480, 16, 3, 1), (480, 16, 5, 1), (672, 16, 5, 1), (672, 16, 5, 2), (1152, 8, 5, 1), (1152, 8, 3, 1),
]  # fmt: skip
BATCH, ROUNDS = 16, 5


def main() -> None:
    print(f"{'':<26}{'bf16':^18}{'float32':^18}\n{'':<26}{'forward':>9}{'backward':>9}{'forward':>9}{'backward':>9}")
    for channels, side, kernel, stride in SHAPES:
        times = [*milliseconds(channels, side, kernel, stride, torch.bfloat16)]
        times += milliseconds(channels, side, kernel, stride, torch.float32)
        name = f"{channels} of {side}x{side}, {kernel}x{kernel}/{stride}"
        print(f"{name:<26}" + "".join(f"{value:9.1f}" for value in times), flush=True)


def milliseconds(channels: int, side: int, kernel: int, stride: int, dtype: torch.dtype) -> tuple[float, float]:
    """The fastest of some rounds, (forward, backward), memory laid out channels last."""
    layer = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
    layer = layer.to(dtype, memory_format=torch.channels_last)
    images = torch.randn(BATCH, channels, side, side).to(dtype, memory_format=torch.channels_last).requires_grad_()
    gradient = torch.randn_like(layer(images))
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        output = layer(images)
        between = time.perf_counter()
        output.backward(gradient)
        rounds.append((between - start, time.perf_counter() - between))
    return min(a for a, _ in rounds) * 1e3, min(b for _, b in rounds) * 1e3


if __name__ == "__main__":
    main()
