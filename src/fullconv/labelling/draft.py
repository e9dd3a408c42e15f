"""A draft: a picture to label, with the label map that a model predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Draft:
    """`name`: file name of the picture in the output folder. `label_map` (H, W): class indices and void."""

    name: str
    label_map: NDArray[np.uint8]
