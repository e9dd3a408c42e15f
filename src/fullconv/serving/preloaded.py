"""What the fork server imports before it forks: all that a worker needs. A library that is missing is passed over."""

from __future__ import annotations

from fullconv.prediction.engines.openvino import import_openvino
from fullconv.serving import work

__all__ = ["work"]
import_openvino()  # which the engine puts off otherwise; no thread is started by it
