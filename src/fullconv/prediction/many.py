"""Many pictures in order, a few of them in progress at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.images import Source, is_image_name
from fullconv.prediction.flow import in_order
from fullconv.prediction.memory import refuse_heavy

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
    weigh: Callable[[Item], int],
    most: int,
) -> Iterator[Result]:
    """Results in order. `weigh` gives the bytes that each item needs; all in progress, with the result that the caller
    has, need at most `most`. When the caller stops, what is in progress is finished and nothing more is started."""

    def work(item: Item, need: int) -> Result:
        refuse_heavy(item if isinstance(item, (str, Path)) else "the picture given", need, most)
        return predict(item)

    with ThreadPoolExecutor(THREADS) as pool:
        try:
            weighed = ((source, weigh(source)) for source in sources)
            for source, future in in_order(weighed, lambda *one: pool.submit(work, *one), most, THREADS):
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
