"""Reads JSON written by tools: annotations and descriptions of data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fullconv.damage import reason_of
from fullconv.errors import FullconvError


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object in `path`. Raises FullconvError if the file does not contain one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))  # tools on Windows begin with a mark
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise FullconvError(f"{path}: not a JSON file ({reason_of(error)}); export it again") from None
    if not isinstance(values, dict):
        raise FullconvError(f"{path}: a JSON {type(values).__name__} instead of an object; export it again")
    return values
