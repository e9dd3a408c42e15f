"""Refuses engines in forked processes. A child process has none of the engines' threads and would wait for them
forever."""

from __future__ import annotations

import os

from fullconv.prediction.engines.contract import ModelError

_process: int | None = None  # id of the process in which engines were opened


def begin() -> None:
    """Records that an engine is opened in this process. Raises ModelError if the process was forked from one that had
    opened an engine."""
    global _process  # noqa: PLW0603
    refuse_forked()
    _process = os.getpid()


def refuse_forked() -> None:
    """Raises ModelError in a forked child of a process that had opened an engine."""
    if _process not in (None, os.getpid()):
        raise ModelError(
            "a model was loaded before this process was forked, and cannot be used here; load models only in the "
            'processes that use them, or start these processes with multiprocessing.get_context("spawn")'
        )
