"""The best that score maps of a stride can do for lines two pixels wide: scores fitted to the truth itself.

usage: python benchmarks/thin_lines.py
       python benchmarks/thin_lines.py --data lines && fullconv train lines    # a training on such pictures
       fullconv evaluate lines --model runs/train --thin                       # precision and recall within 2 pixels

A net of stride N gives a score every N pixels, enlarged bilinearly; nothing that it learns gets beyond what such scores
can say. Of a picture of 2000 pixels that is reduced to 512, an FCN-8s has a score every 31 pixels. docs/reading.md has
the results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

SIDE, SHOWN = 2000, 1024  # pixels of a picture, and of the part that is looked at
LINES, WIDTH = 24, 2  # in a picture; pixels
STRIDES = (2, 4, 8, 8 * 2000 / 512)
STEPS, RATE = 300, 0.1


TRAIN, VAL, DRAWN = 8, 2, 40  # pictures of the data set, and the lines in each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="write a data set here, and do nothing else")
    folder = parser.parse_args().data
    if folder:
        write_data(folder)
        return
    truth = lines(seed=100)
    for stride in STRIDES:
        print(f"a score every {stride:5.2f} pixels: IoU of the lines at most {best_iou(truth, stride):.3f}", flush=True)


def write_data(folder: Path) -> None:
    """Bright lines on dark noise, as TIFFs and PNG masks."""
    for split, count in (("train", TRAIN), ("val", VAL)):
        for number in range(count):
            rng = np.random.default_rng(number + 100 * (split == "val"))
            mask = Image.new("L", (SIDE, SIDE))
            pen = ImageDraw.Draw(mask)
            for _ in range(DRAWN):
                pen.line([tuple(rng.integers(0, SIDE, 2)) for _ in range(2)], fill=1, width=WIDTH)
            image = rng.integers(0, 60, (SIDE, SIDE, 3), np.uint8) + np.asarray(mask)[..., None] * np.uint8(130)
            for kind, array, ending in (("images", image, "tif"), ("masks", np.asarray(mask), "png")):
                (folder / kind / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / kind / split / f"{number}.{ending}")
    (folder / "data.yaml").write_text("path: .\nnames: [background, line]\n")


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
