"""What `fullconv serve` is thrown at, and how soon after it the next good photo is answered.

usage: python benchmarks/serve_faults.py [--garbage 10000] [--rounds 5]

Each fault is made `--rounds` times (the garbage once: so many bodies of random bytes), and a good photo is sent right
after it. Printed is the longest that such a photo took, beside the longest of as many photos on the same server before
any fault. Linux only. Every answer to a fault has to be a refusal without a traceback, and no file may be left.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from fullconv.serving.metrics import family

PHOTO = (Path(__file__).parent.parent / "examples" / "chelsea.jpg").read_bytes()
REFUSALS = (413, 415, 422)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--garbage", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "fullconv", "serve", "--port", "0"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
        try:
            port = int(server.stdout.readline().split()[0].rpartition(":")[2])
            measure(port, server.pid, options.rounds, options.garbage)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
        print(f"files left in the temporary folder: {len(list(Path(folder).rglob('*')))}")


def measure(port: int, server: int, rounds: int, garbage: int) -> None:
    for _ in range(5):
        good(port)
    print(f"{'no fault':34}{max(good(port) for _ in range(rounds)):.2f} s")
    for name, fault in faults(port, server).items():
        longest = 0.0
        for _ in range(rounds):
            fault()
            longest = max(longest, good(port))
        print(f"{name:34}{longest:.2f} s", flush=True)
    began = time.monotonic()
    rubbish(port, garbage)
    took = time.monotonic() - began
    print(f"{f'{garbage} bodies of garbage':34}{good(port):.2f} s, after {took:.0f} s of garbage")


def faults(port: int, server: int) -> dict[str, Callable[[], object]]:
    return {
        "an image bomb": lambda: refused(port, bomb()),
        "a photo that is cut off": lambda: refused(port, PHOTO[: len(PHOTO) // 2]),
        "a sender that stops": lambda: half_sent(port, keep=True),
        "a client that goes away": lambda: half_sent(port, keep=False),
        "one worker killed": lambda: kill(workers_of(server)[:1]),
        "all workers killed": lambda: kill(workers_of(server)),
        "a worker killed at work": lambda: killed_at_work(port, server),
    }


def good(port: int) -> float:
    """Seconds that a good photo takes, which has to be answered."""
    began = time.monotonic()
    status, _ = ask(port, PHOTO)
    if status != 200:
        sys.exit(f"a good photo was answered with {status}")
    return time.monotonic() - began


def ask(port: int, body: bytes) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("POST", "/predict?save=labels", body)
        reply = client.getresponse()
        return reply.status, reply.read()
    finally:
        client.close()


def refused(port: int, body: bytes) -> None:
    status, told = ask(port, body)
    if status not in REFUSALS or b"Traceback" in told:
        sys.exit(f"not refused but answered with {status}: {told[:200]!r}")


def bomb() -> bytes:
    """A PNG whose head promises 65 000 x 65 000 pixels."""
    head = b"IHDR" + (65_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + head + zlib.crc32(head).to_bytes(4)


kept: list[socket.socket] = []  # connections of senders that have stopped


def half_sent(port: int, keep: bool) -> None:
    client = socket.create_connection(("127.0.0.1", port))
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(PHOTO)}\r\n\r\n"
    client.sendall(head.encode() + PHOTO[: len(PHOTO) // 2])
    kept.append(client) if keep else client.close()


def workers_of(server: int) -> list[int]:
    """Those that the fork server has forked; it is the first that is named so."""
    others = [pid for pid in family(server) if pid != server]
    return [pid for pid in others if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()][1:]


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def killed_at_work(port: int, server: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(PHOTO)}\r\n\r\n"
        client.sendall(head.encode() + PHOTO)
        time.sleep(0.03)  # so that a worker has it
        kill(workers_of(server))
        if not client.recv(100).startswith(b"HTTP/1.1 200"):
            sys.exit("the photo of a worker that was killed was lost")


def rubbish(port: int, count: int) -> None:
    dice = random.Random(0)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(count):
        client.request("POST", "/predict", dice.randbytes(dice.randrange(1, 300)))
        reply = client.getresponse()
        told = reply.read()
        if reply.status not in REFUSALS or b"Traceback" in told:
            sys.exit(f"garbage was answered with {reply.status}: {told[:200]!r}")
    client.close()


if __name__ == "__main__":
    main()
