"""Runs a program that torch.export wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.prediction import memory
from fullconv.prediction.engines.contract import BYTES_A_PIXEL, Images, no_graph


class Program:
    """Runs model.pt2, which torch.export wrote, in float32 on the CPU."""

    name = "torch"
    precision = "fp32"

    def __init__(self, file: Path) -> None:
        import torch

        try:
            self.from_numpy, self.run = torch.from_numpy, torch.export.load(file).module()
        except Exception as error:  # torch may raise any type for a file that is not a program
            raise no_graph(file, error) from None

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.run(self.from_numpy(images))[0].detach().numpy()

    def scores(self, images: Images) -> NDArray[np.float32]:
        return self.run(self.from_numpy(images))[1].detach().numpy()

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return int(memory.budget() / BYTES_A_PIXEL)
