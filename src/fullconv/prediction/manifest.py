"""predictions.jsonl beside the results: a line for each picture that is done, so that a later run can go on from there.

Lines are only ever added, each at once and after the files that it tells of lie under their names; of a picture that
was done more than once, the last line counts.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from fullconv.errors import FullconvError
from fullconv.prediction.folder import Job, Outcome, Stamp, stamp

NAME = "predictions.jsonl"
PARTS = ("config.json", "model.onnx", "model.safetensors")  # of a model folder, what results depend on


@dataclass
class Manifest:
    """Adds lines to `out`/predictions.jsonl, from several threads; `settings` is all that results depend on, but the
    pictures. Use as a context."""

    out: Path
    settings: Mapping[str, Any]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Manifest:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            self.file: BinaryIO = (self.out / NAME).open("ab", buffering=0)
        except OSError as error:
            raise FullconvError(f"{self.out}: cannot be written ({error.strerror}); choose another --out") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()

    def add(self, job: Job, outcome: Outcome) -> None:
        """A line, whole, on the disk's way before this returns."""
        line = json.dumps(describe(job, outcome, self.out, self.settings), ensure_ascii=False)
        with self.lock:
            self.file.write(f"\n{line}\n".encode() if self._is_torn() else f"{line}\n".encode())
