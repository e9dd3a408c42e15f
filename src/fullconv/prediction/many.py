"""Many pictures in order, a few of them in progress at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.images import Source, is_image_name

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 4  # one or two run the network; the others read


def sources_of(sources: Iterable[Source] | str | Path) -> Iterable[Source]:
    """The pictures of a folder by name, those of folders below it too; of anything else, what it gives."""
    if not isinstance(sources, (str, Path)):
        return sources
    folder = Path(sources)
    if not folder.is_dir():
        raise FullconvError(f"{folder}: no such folder; give a folder of pictures, or a list of them")
    return sorted(path for path in files_under(folder) if is_image_name(path))


def predict_many(
    predict: Callable[[Item], Result],
    sources: Iterable[Item],
    on_error: Callable[[Item, FullconvError], object] | None,
) -> Iterator[Result]:
    """Results in order; what is in work when the caller stops is finished, nothing more is begun."""
    remaining = iter(sources)
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            while True:
                waiting.extend((one, pool.submit(predict, one)) for one in islice(remaining, THREADS - len(waiting)))
                if not waiting:
                    return
                source, future = waiting.popleft()
                try:
                    result = future.result()
                except FullconvError as error:
                    if on_error is None:
                        raise
                    on_error(source, error)
                else:
                    yield result
        finally:
            pool.shutdown(cancel_futures=True)
