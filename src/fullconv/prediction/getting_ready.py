"""How long a thread has been getting networks ready. That is for all pictures, and no time of the one it works on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class _Spent(threading.local):
    seconds = 0.0


SPENT = _Spent()  # by the current thread


@contextmanager
def getting_ready() -> Iterator[None]:
    """Around code that compiles or loads a network, or waits for another thread that does."""
    start = time.perf_counter()
    try:
        yield
    finally:
        SPENT.seconds += time.perf_counter() - start
