"""Class names as parts of file names: unique, and valid on every system."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

RESERVED = frozenset(["labels", "overlay", "scores", "confidence", "cutout"])  # ends of the names of other outputs
CUT_OUT = "_cutout"  # follows the class in the name of a cut-out, so that of "cat" is the name of a class "cat_cutout"
LONGEST = 120  # bytes; file names have at most 255, most of which the picture's own name may need


@cache
def file_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns, for each class, the end of its file names: its name, as far as it is valid in a file name. If two would
    be equal, ignoring case, or equal that of another output, a number is added: road-wet-1, road-wet-2."""
    parts = [safe(name) for name in names]
    counts = Counter(map(str.casefold, parts))
    shared = {key for key, count in counts.items() if count > 1 or key in RESERVED or key.endswith(CUT_OUT)}
    taken = set(counts)
    return tuple(_numbered(part, i, taken) if part.casefold() in shared else part for i, part in enumerate(parts))


def _numbered(part: str, number: int, taken: set[str]) -> str:
    numbered = f"{part}-{number}"
    while numbered.casefold() in taken:
        numbered += f"-{number}"
    taken.add(numbered.casefold())
    return numbered


def safe(name: str) -> str:
    """Replaces characters that have a special meaning in some shell or system by a dash."""
    whole = re.sub(r"[^\w.+-]+", "-", unicodedata.normalize("NFC", name))
    return whole.encode()[:LONGEST].decode(errors="ignore").strip("-") or "class"
