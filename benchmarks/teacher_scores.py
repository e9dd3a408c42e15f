"""Scores of a DeepLab teacher in the format that `fullconv train --teacher` reads (docs/training.md), through OpenVINO.

usage: python benchmarks/teacher_scores.py TEACHER OUT FOLDER [FOLDER ...] [--side 513]

TEACHER holds tfl_torch.py and deeplab_mnv2_voc.npz. Each photo, enlarged or reduced to the longest side --side, lies at
the top left of a grey square, so that the network has one shape. Pictures whose scores are there are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from fullconv.classes import VOC_NAMES
from fullconv.images import is_image_name
from fullconv.training.digests import sha256_of

STRIDE, KEY = 16, 32
Scores = NDArray[np.float16]


class Low(nn.Module):
    """(1, 3, side, side) of -1 to 1 → (1, 21, side/16, side/16): the scores before the last enlargements."""

    def __init__(self, teacher: Path) -> None:
        super().__init__()
        sys.path.insert(0, str(teacher))
        from tfl_torch import Net

        self.net = Net(teacher / "deeplab_mnv2_voc.npz", clip=True)

    def forward(self, image: Tensor) -> Tensor:
        low: Tensor = self.net.low(image)
        return low


def compiled(teacher: Path, side: int) -> Any:
    with torch.inference_mode():
        converted = openvino.convert_model(Low(teacher), example_input=torch.zeros(1, 3, side, side))
    converted.reshape([1, 3, side, side])
    return openvino.Core().compile_model(converted, "CPU")


def scores_of(photo: Image.Image, network: Any, side: int) -> Scores:
    """(21, h, w): the corners of the scores lie on the centres of the photo's corner pixels."""
    factor = side / max(photo.size)
    cells = [max(2, round((length * factor - 1) / STRIDE)) for length in photo.size]  # width, height
    width, height = (cell * STRIDE + 1 for cell in cells)
    square = np.zeros((1, 3, side, side), np.float32)
    values = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 128 - 1
    square[0, :, :height, :width] = values.transpose(2, 0, 1)
    found = network(square)[0][0, :, : cells[1] + 1, : cells[0] + 1]
    return np.ascontiguousarray(found, np.float16)


def lacking(folders: list[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Yields (photo, file to write)."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if is_image_name(path) and path.is_file():
                file = out / f"{sha256_of(path)[:KEY]}.npz"
                if not file.exists():
                    yield path, file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--side", type=int, default=513)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    described = {"format": 1, "name": "DeepLabV3-MobileNetV2", "classes": list(VOC_NAMES), "align_corners": True}
    (given.out / "teacher.json").write_text(json.dumps(described))
    network, began, count = compiled(given.teacher, given.side), monotonic(), 0
    for path, file in lacking(given.folders, given.out):
        with Image.open(path) as photo:
            scores, size = scores_of(photo.convert("RGB"), network, given.side), photo.size[::-1]
        np.savez_compressed(file, scores=scores, size=np.array(size))
        count += 1
    print(f"{count} photos, {count / (monotonic() - began):.1f} a second")


if __name__ == "__main__":
    main()
