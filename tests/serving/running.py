"""Starts a server in a new process, as users do."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

READY = re.compile(r"(http://\S+) serves")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A server that answers at `address`."""

    address: str
    process: subprocess.Popen

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        request = urllib.request.Request(self.address + path, body, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())

    def metric(self, name: str) -> float:
        text = self.ask("/metrics").body.decode()
        return float(next(line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)))


@contextmanager
def running(*arguments: str, largest_file: int | None = None) -> Iterator[Running]:
    """Runs a server. At the end it is stopped by SIGTERM, as a supervisor does it, and must exit with 0.

    `largest_file`: on Linux, the most bytes that the server can write to one file.
    """
    command = [sys.executable, "-m", "fullconv", "serve", "--port", "0", "--workers", "2", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if largest_file is not None:
        import resource

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        line = process.stdout.readline()
        match = READY.search(line)
        assert match, line + process.stderr.read()
        yield Running(match[1], process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            _, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "Traceback" not in errors, errors
    assert process.returncode == 0, errors
