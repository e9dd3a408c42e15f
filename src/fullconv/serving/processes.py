"""Chooses how worker processes are started."""

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
    """Returns the multiprocessing context for workers.

    On Linux, workers are forked from a process that has imported everything and has started no thread. A new worker is
    then ready four times as fast, and the imported code is in memory only once. This process starts at the first call,
    and needs a temporary folder for its socket. On other systems, or without such a folder, each worker is a new
    interpreter.

    Workers are not forked from the server itself: that would copy the locks of its threads, but not the threads.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a worker has one processor
    if sys.platform == "linux":
        with suppress(OSError):
            forkserver.set_forkserver_preload(list(PRELOADED))
            forkserver.ensure_running()
            return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")
