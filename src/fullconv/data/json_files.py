"""JSON that tools write: annotations and descriptions of data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fullconv.damage import reason_of
from fullconv.errors import FullconvError


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`. Raises FullconvError for a file that holds none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise FullconvError(f"{path}: not a JSON file ({reason_of(error)}); export it again") from None
    if not isinstance(values, dict):
        raise FullconvError(f"{path}: a JSON {type(values).__name__} instead of an object; export it again")
    return values
