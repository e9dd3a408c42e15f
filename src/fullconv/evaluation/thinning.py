"""Thins masks to lines one pixel wide (Guo and Hall, Communications of the ACM 32, 1989)."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from numpy.typing import NDArray


def skeleton(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) → (H, W): lines along the middle of each part of `mask`, with the same number of pieces and the same
    holes.

    Two rounds alternate, one on the north-east side, the other on the south-west side, until neither removes a pixel. A
    round looks only at pixels whose neighbours have changed since its last turn.
    """
    height, width = mask.shape
    flat = np.pad(mask, 1).ravel()
    wide = width + 2
    around = np.array([1, 1 - wide, -wide, -wide - 1, -1, wide - 1, wide, wide + 1])  # from the east, anticlockwise
    doubtful = removed = flat.nonzero()[0]
    for removable in cycle(ROUNDS):
        rings = np.packbits(flat[doubtful + around[:, None]], axis=0)[0]  # (doubtful,)
        before, removed = removed, doubtful[removable[rings]]
        flat[removed] = False
        if not len(before) + len(removed):
            break
        changed = np.zeros_like(flat)
        changed[np.r_[before, removed] + around[:, None]] = True
        doubtful = (changed & flat).nonzero()[0]
    return flat.reshape(height + 2, wide)[1:-1, 1:-1]


def _rounds() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(256,) for each round: whether a pixel with this ring of neighbours is removed. The names are the paper's."""
    ring = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).T == 1  # (8, 256)
    side, corner, next_side = ring[0::2], ring[1::2], np.roll(ring[0::2], -1, axis=0)
    pieces = (~side & (corner | next_side)).sum(0)  # C(p)
    neighbours = np.minimum((side | corner).sum(0), (corner | next_side).sum(0))  # N(p)
    at_edge = (pieces == 1) & (neighbours >= 2) & (neighbours <= 3)
    east, north_east, north, north_west, west, south_west, south, south_east = ring
    return (
        at_edge & ~((north_east | north | ~south_east) & east),
        at_edge & ~((south_west | south | ~north_west) & west),
    )


ROUNDS = _rounds()
