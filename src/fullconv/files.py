"""Files appear whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to fill, renamed at the end: nobody ever sees half of a file under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.stem}-{os.getpid()}.part{path.suffix}")  # the suffix tells writers the format
    try:
        yield hidden
        os.replace(hidden, path)
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    with whole(path) as hidden:
        write(hidden)
    return path


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`: the files put there move to `folder` together, when all went well."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / f".new-{os.getpid()}.part"
    hidden.mkdir()
    try:
        yield hidden
        for path in sorted(hidden.iterdir()):  # .bin before .xml, which is what a reader looks for
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def write_json(path: Path, value: Any) -> Path:
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return write_whole(path, lambda hidden: hidden.write_text(text, encoding="utf-8"))
