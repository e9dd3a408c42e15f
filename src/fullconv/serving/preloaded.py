"""Imported by the fork server before it forks: everything that a worker needs, unless a library is missing."""

from __future__ import annotations

from fullconv.prediction.engines.openvino import import_openvino
from fullconv.serving import work

__all__ = ["work"]
import_openvino()  # the engine would import it later; this starts no thread
