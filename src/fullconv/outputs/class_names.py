"""Class names as parts of file names: one each, on every system."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

RESERVED = frozenset(["labels", "overlay", "scores", "confidence"])  # what other outputs end in
LONGEST = 120  # bytes; names of files have 255, and the picture's own name needs most of them


def file_names(names: Sequence[str]) -> list[str]:
    """For each class what its files end in: its name, as far as that can stand in a file name. Where two would come to
    the same, in capitals or not, or to another output's, each has its number after it: road-wet-1, road-wet-2."""
    parts = [safe(name) for name in names]
    shared = {key for key, count in Counter(map(str.casefold, parts)).items() if count > 1} | RESERVED
    taken = {part.casefold() for part in parts}
    return [_numbered(part, i, taken) if part.casefold() in shared else part for i, part in enumerate(parts)]


def _numbered(part: str, number: int, taken: set[str]) -> str:
    numbered = f"{part}-{number}"
    while numbered.casefold() in taken:
        numbered += f"-{number}"
    taken.add(numbered.casefold())
    return numbered


def safe(name: str) -> str:
    """With a dash for what has a meaning of its own in some shell or system."""
    whole = re.sub(r"[^\w.+-]+", "-", unicodedata.normalize("NFC", name))
    return whole.encode()[:LONGEST].decode(errors="ignore").strip("-") or "class"
