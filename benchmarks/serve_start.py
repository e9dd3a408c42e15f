"""How long `fullconv serve` takes from its start to its first answer, beside `fullconv predict`.

usage: python benchmarks/serve_start.py [--runs 5]

Both start cold as processes, with a warm cache of compiled networks, and label the same photo, in turn. Printed are the
least and the median of the elapsed time, the processor seconds of all processes until then, and the ratio of the
medians, which a busy machine changes less. The server gets its photo the moment that it says its address.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from families import cpu_seconds

PHOTO = Path(__file__).parent.parent / "examples" / "chelsea.jpg"
FULLCONV = [sys.executable, "-m", "fullconv"]
Times = tuple[float, float]  # elapsed, of processors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    predicted(), served()  # which fills the cache
    predict, serve = zip(*[(predicted(), served()) for _ in range(runs)], strict=True)
    report("predict", predict)
    report("serve to its first answer", serve)
    ratio = statistics.median(elapsed for elapsed, _ in serve) / statistics.median(elapsed for elapsed, _ in predict)
    print(f"serve takes {ratio:.2f} times as long")


def report(name: str, times: list[Times]) -> None:
    elapsed, used = zip(*times, strict=True)
    least, median = min(elapsed), statistics.median(elapsed)
    print(f"{name:26} least {least:.2f} s, median {median:.2f} s, {min(used):.2f} processor seconds at least")


def predicted() -> Times:
    with tempfile.TemporaryDirectory() as out:
        command = [*FULLCONV, "predict", str(PHOTO), "--out", out, "--save", "labels"]
        began, before = time.monotonic(), os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return time.monotonic() - began, used


def served() -> Times:
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
        return time.monotonic() - began, cpu_seconds(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


if __name__ == "__main__":
    main()
