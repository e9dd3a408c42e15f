"""The best that score maps of a stride can do for lines two pixels wide: scores fitted to the truth itself.

usage: python benchmarks/thin_lines.py

A net of stride N gives a score every N pixels, enlarged bilinearly; nothing that it learns gets beyond what such scores
can say. Of a picture of 2000 pixels that is reduced to 512, an FCN-8s has a score every 31 pixels. docs/reading.md has
the results.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

SIDE, SHOWN = 2000, 1024  # pixels of a picture, and of the part that is looked at
LINES, WIDTH = 24, 2  # in a picture; pixels
STRIDES = (2, 4, 8, 8 * 2000 / 512)
STEPS, RATE = 300, 0.1


def main() -> None:
    truth = lines(seed=100)
    for stride in STRIDES:
        print(f"a score every {stride:5.2f} pixels: IoU of the lines at most {best_iou(truth, stride):.3f}", flush=True)


def lines(seed: int) -> Tensor:
    """(1, 1, SHOWN, SHOWN): 1 on straight lines at random angles."""
    rng = np.random.default_rng(seed)
    mask = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(mask)
    for _ in range(LINES):
        pen.line([*rng.uniform(0, SIDE, 2), *rng.uniform(0, SIDE, 2)], fill=1, width=WIDTH)
    return torch.from_numpy(np.array(mask)[:SHOWN, :SHOWN].astype(np.float32))[None, None]


def best_iou(truth: Tensor, stride: float) -> float:
    """By gradient descent over the scores, at the best threshold."""
    side = int(SHOWN / stride)
    scores = torch.full((1, 1, side, side), -2.0, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=RATE)
    for _ in range(STEPS):
        enlarged = functional.interpolate(scores, size=(SHOWN, SHOWN), mode="bilinear", align_corners=False)
        share = enlarged.sigmoid()
        both = (share * truth).sum()
        loss = 0.3 * functional.binary_cross_entropy(share, truth) + 1 - both / (share.sum() + truth.sum() - both)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    found = [enlarged.detach() > threshold for threshold in np.linspace(-4, 4, 41)]
    return max(float((one & (truth == 1)).sum() / (one | (truth == 1)).sum()) for one in found)


if __name__ == "__main__":
    main()
