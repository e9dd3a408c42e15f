"""The logger `fullconv`, which takes the messages of the library. The command line prints them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("fullconv")


@contextmanager
def muted() -> Iterator[None]:
    """Inside this block, the library logs nothing."""
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
