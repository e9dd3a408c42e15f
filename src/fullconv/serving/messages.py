"""The messages between the server and its workers. The server itself decodes no picture and loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.serving.limits import Limits


@dataclass(frozen=True)
class Setup:
    """What every worker gets when it starts: model folders, engine and precision, limits."""

    folders: tuple[Path, ...]
    engine: str
    precision: str
    limits: Limits


@dataclass(frozen=True)
class Task:
    """A picture to segment. `body`: the bytes of its file. `save`: the output to return, unless `raw` tensors are
    requested, with `scores` if so. `classes`: the only classes to use, or empty for all."""

    model: str
    body: bytes
    save: str = "labels"
    raw: bool = False
    scores: bool = False
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A worker's answer: its media type, its bytes, and facts about it, such as the size of the picture."""

    media_type: str
    body: bytes
    facts: dict[str, Any]
