"""Takes one name or path where a list of them is expected. Python would take a text for a list of its letters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from fullconv.errors import FullconvError, argument
from fullconv.files import kind_of


def listed(name: str, given: Any) -> tuple[Any, ...]:
    """Returns what was given as the argument `name`; one text or path counts as a list of one."""
    if isinstance(given, (str, os.PathLike)):
        return (given,)
    if not isinstance(given, Iterable):
        raise FullconvError(f"{argument(name)}: give a list, not {kind_of(given)}")
    return tuple(given)
