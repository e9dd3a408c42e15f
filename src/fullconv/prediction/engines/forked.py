"""Engines do not survive a fork: a child has none of their threads, and would wait for them without end."""

from __future__ import annotations

import os

from fullconv.prediction.engines.contract import ModelError

_process: int | None = None  # in which engines were opened


def begin() -> None:
    """An engine is opened in this process. Raises ModelError where a process that it was forked from opened one."""
    global _process  # noqa: PLW0603
    refuse_forked()
    _process = os.getpid()


def refuse_forked() -> None:
    """Raises ModelError in a child of the process that opened an engine."""
    if _process not in (None, os.getpid()):
        raise ModelError(
            "a model was loaded before this process was forked, and cannot be used here; load models only in the "
            'processes that use them, or start these with multiprocessing.get_context("spawn")'
        )
