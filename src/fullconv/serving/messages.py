"""What goes between the server and its workers. The server itself decodes nothing and loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.serving.limits import Limits


@dataclass(frozen=True)
class Setup:
    """What every worker is given: folders of models, what runs them, limits."""

    folders: tuple[Path, ...]
    engine: str
    precision: str
    limits: Limits


@dataclass(frozen=True)
class Task:
    """A picture (the bytes of its file), the model that sees it, and what is wanted: an output, or `raw` tensors;
    `classes` where only these are asked for."""

    model: str
    body: bytes
    save: str = "labels"
    raw: bool = False
    scores: bool = False
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What goes back: its type, its bytes, and what a program may want to know of it."""

    media_type: str
    body: bytes
    facts: dict[str, Any]
