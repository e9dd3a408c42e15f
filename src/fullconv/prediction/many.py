"""Many pictures in order, a few of them in progress at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from PIL import Image

from fullconv.errors import FullconvError
from fullconv.files import files_under, kind_of
from fullconv.images import is_image_name
from fullconv.prediction.flow import in_order
from fullconv.prediction.memory import refuse_heavy
from fullconv.sources import Source, refuse_long_text, unshared

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 4  # one or two run the network, and the others read pictures


def sources_of(sources: Any) -> Iterable[Source]:
    """Returns the pictures of a folder and its subfolders, sorted by path. A single picture, in any form, counts as a
    list of one; other iterables are returned unchanged.

    Raises FullconvError if there is no such folder or picture, and for what is no iterable.
    """
    if isinstance(sources, (str, os.PathLike)):
        return _at(sources)
    if _is_picture(sources):
        return [sources]
    if not isinstance(sources, Iterable):
        raise FullconvError(f"the pictures: give a folder of pictures, or a list of them, not {kind_of(sources)}")
    return sources


def _at(path: str | os.PathLike[str]) -> Sequence[Source]:
    if not os.fspath(path):
        raise FullconvError("the path is empty; give a folder of pictures, such as . for the current one")
    place = Path(path)
    refuse_long_text(place)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise FullconvError(f"{place}: no such folder or picture; give a folder of pictures, or a list of them")
    return sorted(path for path in files_under(place) if is_image_name(path))


def _is_picture(given: Any) -> bool:
    """Whether it is one picture: its content, or an array other than a stack (N, H, W, C) or a list of paths."""
    if isinstance(given, np.ndarray):
        return given.ndim in (2, 3)
    return isinstance(given, (bytes, bytearray, memoryview, Image.Image)) or hasattr(given, "read")


def predict_many(
    predict: Callable[[Item], Result],
    sources: Iterable[Item],
    on_error: Callable[[Item, FullconvError], object] | None,
    weigh: Callable[[Item], int],
    most: int,
) -> Iterator[Result]:
    """Yields the results in order.

    `weigh` returns the bytes that an item needs. All items in progress, and the result that the caller has, need at
    most `most` bytes together. A FullconvError is passed to `on_error`, or raised if this is None. When the caller
    stops, the items in progress are finished and no others are started. The caller may overwrite an array or a PIL
    image with the next one.
    """

    def begin(item: Item, need: int) -> Future[Result]:
        return pool.submit(work, _as_it_is_now(item) if need <= most else item, need)

    def work(item: Item, need: int) -> Result:
        refuse_heavy(item if isinstance(item, (str, os.PathLike)) else "the picture given", need, most)
        return predict(item)

    with ThreadPoolExecutor(THREADS) as pool:
        try:
            weighed = ((source, weigh(source)) for source in sources)
            for source, future in in_order(weighed, begin, most, THREADS):
                try:
                    result = future.result()
                except FullconvError as error:
                    if on_error is None:
                        raise
                    on_error(source, error)
                else:
                    yield result
                    del result
        finally:
            pool.shutdown(cancel_futures=True)


def _as_it_is_now(item: Item) -> Item:
    """Returns a copy of a picture that the caller may overwrite. One that cannot be read is returned unchanged, because
    reading it later gives the error."""
    with suppress(FullconvError):
        return cast(Item, unshared(item))
    return item
