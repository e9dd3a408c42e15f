"""Reads text files with one name per line."""

from __future__ import annotations

from pathlib import Path

from fullconv.errors import FullconvError

MOST = 2**28  # bytes: more than a million lines have


def read_names(path: Path) -> list[str]:
    """The lines of `path` that are not empty."""
    if path.is_file() and path.stat().st_size > MOST:
        raise FullconvError(f"{path}: larger than {MOST >> 20} MiB, so not a list of names; write one name per line")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # tools on Windows begin with a mark
    except UnicodeDecodeError:
        raise FullconvError(f"{path}: not text in UTF-8; save it in this encoding") from None
    except OSError as error:
        raise FullconvError(f"{path}: not a list of names ({error}); write one name per line") from None
    return [line.strip() for line in lines if line.strip()]


def without(names: list[str], excluded: list[str]) -> list[str]:
    """Returns `names` in order, without the excluded ones."""
    left_out = set(excluded)
    return [name for name in names if name not in left_out]
