"""What the library says while it works goes to the logger `fullconv`; the command line prints it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("fullconv")


@contextmanager
def muted() -> Iterator[None]:
    """Nothing is said in here."""
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
