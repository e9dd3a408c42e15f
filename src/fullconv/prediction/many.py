"""Many pictures one after another, a few in work at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.images import Source, is_image_name
from fullconv.prediction.account import refuse_heavy
from fullconv.prediction.flow import in_order

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
    predict: Callable[[Source], Result],
    sources: Iterable[Source],
    on_error: Callable[[Source, FullconvError], object] | None,
    weigh: Callable[[Source], int],
    most: int,
) -> Iterator[Result]:
    """Results in order, of `most` bytes together by what `weigh` says, the one that the caller has included; what is
    in work when the caller stops is finished, nothing more is begun."""

    def work(source: Source, need: int) -> Result:
        refuse_heavy(source if isinstance(source, (str, Path)) else "the picture given", need, most)
        return predict(source)

    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for source, future in in_order(sources, weigh, lambda *one: pool.submit(work, *one), most, THREADS):
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
