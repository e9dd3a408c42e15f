"""How long `fullconv serve` takes from its start to its first answer, beside `fullconv predict`.

usage: python benchmarks/serve_start.py [--runs 5]

Both start cold as processes, with a warm cache of compiled networks, and label the same photo, in turn. Printed are the
medians of the elapsed time and their ratio, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PHOTO = Path(__file__).parent.parent / "examples" / "chelsea.jpg"
FULLCONV = [sys.executable, "-m", "fullconv"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    predicted(), served()  # which fills the cache
    times = [(predicted(), served()) for _ in range(runs)]
    predict, serve = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"predict {predict:.2f} s, serve to its first answer {serve:.2f} s: {serve / predict:.2f} times")


def predicted() -> float:
    with tempfile.TemporaryDirectory() as out:
        began = time.monotonic()
        command = [*FULLCONV, "predict", str(PHOTO), "--out", out, "--save", "labels"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def served() -> float:
    began = time.monotonic()
    server = subprocess.Popen([*FULLCONV, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[0].rpartition(":")[2])
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        client.request("POST", "/predict?save=labels", PHOTO.read_bytes())
        reply = client.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        return time.monotonic() - began
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


if __name__ == "__main__":
    main()
