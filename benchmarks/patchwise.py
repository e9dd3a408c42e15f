"""The paper's efficiency argument, run: every position of a picture classified patch by patch, and in one pass.

usage: python benchmarks/patchwise.py [--side 500] [--batch 16]

The classifier is CaffeNet with random parameters and, so that a patch sees exactly what its position sees in the whole
picture, without padding inside. The picture lies in a margin of 100 zeros, as in the released nets. Section 3.1 of the
paper finds the pass more than five times as fast for AlexNet on 500x500, on patches of 227 with padding inside; patches
of the whole receptive field (355) overlap more. Both are run here; only for the second can the outputs be compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.models.alexnet import caffenet
from fullconv.models.layered import LayeredTrunk

CLASSES, STRIDE, MARGIN = 21, 32, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=500)
    parser.add_argument("--batch", type=int, default=16, help="patches at a time")
    options = parser.parse_args()
    torch.manual_seed(0)
    picture = torch.randn(1, 3, options.side, options.side)
    compare("227x227 patches, padding inside", classifier(padded=True), picture, 227, options.batch)
    exact = F.pad(picture, (MARGIN,) * 4)
    whole, patches = compare("355x355 patches, exact", classifier(padded=False), exact, 355, options.batch)
    print(f"outputs agree: largest difference {(whole - patches).abs().max() / whole.std():.1e} of their deviation")


def classifier(padded: bool) -> nn.Module:
    """CaffeNet and 1x1 scores; with the padding of the original classifier, or with none."""
    trunk: LayeredTrunk = caffenet(padding=0)
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            layer.padding = layer.padding if padded else (0, 0)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(*trunk, nn.Conv2d(4096, CLASSES, 1)).eval()


def compare(title: str, net: nn.Module, picture: Tensor, side: int, batch: int) -> tuple[Tensor, Tensor]:
    """Prints both times and their ratio; gives the scores (classes, h, w) of the one pass and of the patches."""
    count = (picture.shape[-1] - side) // STRIDE + 1
    patches = picture.unfold(2, side, STRIDE).unfold(3, side, STRIDE)[0]  # (3, count, count, side, side)
    patches = patches.permute(1, 2, 0, 3, 4).reshape(-1, 3, side, side)
    with torch.inference_mode():
        one, whole = timed(lambda: net(picture)[0, :, :count, :count])
        each, parts = timed(lambda: torch.cat([net(group) for group in patches.split(batch)]))
    print(f"{title}: {count * count} positions, one pass {one:.2f} s, patches {each:.2f} s: {each / one:.1f} times")
    return whole, parts.flatten(1).T.reshape(CLASSES, count, count)


def timed(work: Callable[[], Tensor], runs: int = 3) -> tuple[float, Tensor]:
    """(the shortest of `runs` times after one to warm up, the result)."""
    result, times = work(), []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


if __name__ == "__main__":
    main()
