"""Pictures that look alike, found through 64-bit hashes of their thumbnails without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fullconv.data.doctor.image_facts import THUMBNAIL

BANDS = 8  # of 8 bits each
DISTANCE = BANDS - 1  # bits; two hashes that differ in so few are equal in one band at least
NEIGHBOURS = 1000  # that a hash is compared with in one band at most: thousands are equal in films of a fixed camera
CONTRAST = 4.0  # grey levels: a thumbnail with a smaller standard deviation is too flat to know a picture by
LIKENESS = 0.98  # correlation of two thumbnails
Indices = NDArray[np.intp]  # (pairs,)
Hashes = NDArray[np.uint64]  # (pictures,)
Thumbnails = NDArray[np.uint8]  # (pictures, 16, 18) grey


def unpack(thumbnails: list[bytes]) -> Thumbnails:
    width, height = THUMBNAIL
    return np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, height, width)


def twins(thumbnails: Thumbnails, ranks: Indices) -> Indices:
    """(pictures,): for each picture one of a lower rank that looks the same, or -1."""
    found = np.full(len(thumbnails), -1)
    clear = np.flatnonzero(thumbnails.std((1, 2)) >= CONTRAST)
    for first, second in close_pairs(difference_hashes(thumbnails[clear])):
        a, b = clear[first], clear[second]
        low, high = np.where(ranks[a] < ranks[b], a, b), np.where(ranks[a] < ranks[b], b, a)
        wanted = (ranks[low] < ranks[high]) & (found[high] < 0)
        low, high = low[wanted], high[wanted]
        same = correlation(thumbnails[low], thumbnails[high]) >= LIKENESS
        found[high[same]] = low[same]
    return found


def difference_hashes(thumbnails: Thumbnails) -> Hashes:
    """A bit for each of 8x8 places: whether it is brighter to the right (dHash; Krawetz 2013, "Kind of Like That")."""
    cells = thumbnails.reshape(-1, 8, 2, 9, 2).sum((2, 4), dtype=np.uint16)
    return np.packbits(cells[:, :, 1:] > cells[:, :, :-1], axis=2).reshape(-1, 8).view(np.uint64).ravel()


def close_pairs(hashes: Hashes) -> Iterator[tuple[Indices, Indices]]:
    """Pairs that differ in at most DISTANCE bits, some more than once, in batches no longer than the hashes are many.

    Only those equal in a band are compared, and of thousands equal in a band each with the next NEIGHBOURS.
    """
    for band in hashes.view(np.uint8).reshape(-1, BANDS).T:
        order = np.lexsort((hashes, band))
        keys, starts = band[order], np.arange(len(band))
        for step in range(1, NEIGHBOURS):
            starts = starts[starts + step < len(keys)]
            starts = starts[keys[starts] == keys[starts + step]]
            a, b = order[starts], order[starts + step]
            near = np.bitwise_count(hashes[a] ^ hashes[b]) <= DISTANCE
            yield a[near], b[near]


def correlation(first: Thumbnails, second: Thumbnails) -> NDArray[np.float32]:
    """(pairs,): -1 … 1."""
    return (_standard(first) * _standard(second)).mean(1)


def _standard(thumbnails: Thumbnails) -> NDArray[np.float32]:
    flat = thumbnails.reshape(len(thumbnails), THUMBNAIL[0] * THUMBNAIL[1]).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / flat.std(1, keepdims=True)
