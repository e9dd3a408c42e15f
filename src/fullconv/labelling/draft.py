"""A picture to be labelled, and what a model makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Draft:
    """`name`: of the picture's file in the folder that is handed over; `label_map` (H, W): class indices and void."""

    name: str
    label_map: NDArray[np.uint8]
