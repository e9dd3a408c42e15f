"""A command of fullconv's in a process of its own, with a bound on time and memory, and what must hold of its end."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS, MEMORY = 60, 2 << 30
LIBRARIES = [
    "fullconv.commands.main", "fullconv.commands.check", "fullconv.commands.predict",
    "fullconv.data.doctor.examination", "fullconv.jobs.images", "fullconv.jobs.plan",
    "fullconv.outputs.writers", "PIL.Image", "scipy.io", "yaml",
]  # fmt: skip
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(LIBRARIES)


@dataclass(frozen=True)
class Ended:
    """`code` is None where the time was over; `peak` is the largest resident memory in bytes."""

    code: int | None
    out: str
    err: str
    peak: int = 0

    def refused(self) -> str:
        """The one line that says what is wrong; the exit code is 1."""
        self.orderly()
        lines = [line for line in self.err.splitlines() if line]
        assert self.code == 1, (self.code, self.err)
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: "), self.err
        return lines[0]

    def orderly(self) -> None:
        """Ended by itself, without a traceback, and nothing that a terminal would obey was printed."""
        assert self.code in (0, 1, 2), (self.code, self.err[-2000:])
        for text in (self.out, self.err):
            assert "Traceback" not in text, text[-2000:]
            assert all(one.isprintable() or one == "\n" for one in text), repr(text[-2000:])


def run(
    *arguments: object, inside: Path, seconds: float = SECONDS, memory: int = MEMORY, temporary: str = "."
) -> Ended:
    """`fullconv ARGUMENTS` in the folder `inside`, where only what is named `out…` may have changed afterwards.
    `temporary`: the folder for temporary files."""
    before = state_of(inside)
    files = [inside / f"out-{name}" for name in ("stdout", "stderr", "peak")]
    given = [str(one) for one in arguments], inside, files, memory, temporary
    process = _processes.Process(target=_command, args=given)
    process.start()
    process.join(seconds)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
    changed = state_of(inside).items() ^ before.items()
    assert not changed, f"files beside the output changed: {sorted(changed)}"
    out, err, peak = (path.read_text(errors="replace") if path.exists() else "" for path in files)
    return Ended(code, out, err, json.loads(peak or "0"))


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """{file: (size, time)} of what lies outside of the output."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.relative_to(folder).parts[0].startswith("out") and not path.is_dir()
    }


def _command(arguments: Sequence[str], inside: Path, files: Sequence[Path], memory: int, temporary: str) -> None:
    from fullconv.commands.main import main

    out, err, peak = files
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(inside)
    os.environ.update(HOME=str(inside / "out-home"), FULLCONV_CACHE=str(inside / "out-cache"))
    os.environ["TMPDIR"], tempfile.tempdir = str(inside / temporary), None
    sys.argv = ["fullconv", *arguments]
    try:
        main()
    finally:
        sys.stdout.flush()
        peak.write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10))
