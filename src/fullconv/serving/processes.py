"""How worker processes are started."""

from __future__ import annotations

import multiprocessing
import os
import sys
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext

PRELOADED = ("fullconv.serving.preloaded",)


@cache
def processes() -> ForkServerContext | SpawnContext:
    """On Linux, workers are forked from one process that has imported everything and started no thread: a new one is
    ready four times as fast, and what they import is in memory once. That process starts when this is first called. It
    needs a temporary folder for its socket; without one, or elsewhere, each worker is a fresh interpreter.

    A fork of the server itself would copy the locks of its threads without the threads.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a worker has one processor
    if sys.platform == "linux":
        with suppress(OSError):
            forkserver.set_forkserver_preload(list(PRELOADED))
            forkserver.ensure_running()
            return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")
