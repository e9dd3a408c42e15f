"""A matrix product and a convolution in torch, whose times show the peak speed of a CPU or GPU."""

from __future__ import annotations

from collections.abc import Callable


def products(
    precision: str, device: str | None, side: int, channels: int, map_side: int
) -> dict[str, Callable[[], object]]:
    """Returns {name: work} for a side x side product and a 3x3 convolution. The work waits until a GPU has finished."""
    import torch

    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    left, right = (torch.randn(side, side, device=place, dtype=kind) for _ in range(2))
    maps = torch.randn(1, channels, map_side, map_side, device=place, dtype=kind)
    kernels = torch.randn(channels, channels, 3, 3, device=place, dtype=kind)
    maps, kernels = (value.contiguous(memory_format=torch.channels_last) for value in (maps, kernels))

    def until_finished(work: Callable[[], torch.Tensor]) -> Callable[[], object]:
        def run() -> None:
            with torch.inference_mode():
                work()
            if place.startswith("cuda"):
                torch.cuda.synchronize(place)

        return run

    return {
        "matrix product": until_finished(lambda: left @ right),
        "convolution": until_finished(lambda: torch.nn.functional.conv2d(maps, kernels, padding=1)),
    }
