"""Photos that anybody can draw."""

import numpy as np


def draw_photo(size: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc (class 1) on a dark noisy ground (class 0), height x width."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[:height, :width]
    disc = (y - rng.uniform(0.3, 0.7) * height) ** 2 + (x - rng.uniform(0.3, 0.7) * width) ** 2 < (min(size) / 4) ** 2
    image = rng.integers(0, 60, (height, width, 3)) + disc[..., None] * rng.integers(120, 190, 3)
    return image.astype(np.uint8), disc.astype(np.uint8)
