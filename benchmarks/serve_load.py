"""64 clients at once on a server, and what it costs beside `fullconv predict`.

usage: python benchmarks/serve_load.py [--clients 64] [--seconds 120] [--photos FOLDER]

Every answer is compared with `fullconv predict`'s label map of the same photo, or is a clean refusal; clients that are
refused wait as Retry-After says. Printed are latencies, refusals, memory before and after, and photos per CPU second of
the server's processes, the clients' not counted, beside those of `fullconv predict --save labels` in the same run. The
memory before is that after each worker has seen each photo once, five seconds after the last.
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
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from families import cpu_seconds
from PIL import Image

EXAMPLES = Path(__file__).parent.parent / "examples"
WORKERS = os.cpu_count() or 1
REST = 5  # seconds
SIZES = 24  # photos of mixed sizes, made of the examples where no folder is given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--photos", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = sorted(arguments.photos.iterdir()) if arguments.photos else mixed_photos(Path(folder) / "photos")
        rate, expected = by_predict(photos, Path(folder) / "masks")
        print(f"predict: {rate:.1f} photos per CPU second ({len(photos)} photos, twice, the second time counted)")
        with_server(photos, expected, arguments.clients, arguments.seconds, rate)


def mixed_photos(folder: Path) -> list[Path]:
    """Crops and enlargements of the examples, each of another size."""
    folder.mkdir()
    dice = np.random.default_rng(0)
    sources = sorted(EXAMPLES.glob("*.jpg"))
    for number in range(SIZES):
        width, height = (int(side) for side in dice.integers(300, 900, 2))
        Image.open(sources[number % len(sources)]).resize((width, height)).save(folder / f"{number:02}.jpg", quality=90)
    return sorted(folder.iterdir())


def by_predict(photos: list[Path], out: Path) -> tuple[float, dict[Path, np.ndarray]]:
    """(photos per CPU second, label maps); run twice, so that compiled networks are there."""
    command = [sys.executable, "-m", "fullconv", "predict", *map(str, photos), "--save", "labels", "--out", str(out)]
    for _ in range(2):
        before = os.times()
        subprocess.run([*command, "--overwrite", "--quiet"], check=True)
        after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return len(photos) / used, {photo: np.array(Image.open(out / f"{photo.stem}_labels.png")) for photo in photos}


def with_server(
    photos: list[Path], expected: dict[Path, np.ndarray], clients: int, seconds: float, rate: float
) -> None:
    command = [sys.executable, "-m", "fullconv", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[0].rpartition(":")[2])
        warm_up(port, photos)
        memory, used = at_rest(port), cpu_seconds(server.pid)
        told = load(port, photos, expected, clients, seconds)
        used = cpu_seconds(server.pid) - used
        report(told, memory, at_rest(port), told.answered / used, rate)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def warm_up(port: int, photos: list[Path]) -> None:
    """Each photo once to each worker: as many requests at once as there are workers."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for photo in photos:
            list(pool.map(partial(ask, port), [photo.read_bytes()] * WORKERS))


def at_rest(port: int) -> float:
    """Bytes, when nothing is asked for any more."""
    time.sleep(REST)
    return memory_of(port)


class Told:
    """What the clients met."""

    def __init__(self) -> None:
        self.lock, self.latencies, self.refused = threading.Lock(), [], Counter()
        self.wrong = self.lost = 0

    @property
    def answered(self) -> int:
        return len(self.latencies)


def load(port: int, photos: list[Path], expected: dict[Path, np.ndarray], clients: int, seconds: float) -> Told:
    told, end = Told(), time.monotonic() + seconds
    bodies = {photo: photo.read_bytes() for photo in photos}

    def client(number: int) -> None:
        turn = number
        while time.monotonic() < end:
            photo = photos[turn % len(photos)]
            turn += 1
            one(port, photo, bodies[photo], expected[photo], told)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def one(port: int, photo: Path, body: bytes, expected: np.ndarray, told: Told) -> None:
    """Until it is answered or lost; the latency is that of the try that was answered."""
    while True:
        began = time.monotonic()
        try:
            status, headers, answer = ask(port, body)
        except (OSError, http.client.HTTPException):
            with told.lock:
                told.lost += 1
            return
        if status == 200:
            with told.lock:
                told.latencies.append(time.monotonic() - began)
                told.wrong += not is_right(answer, expected)
            return
        with told.lock:
            told.refused[status] += 1
        time.sleep(float(headers.get("retry-after", 1)))


def is_right(answer: bytes, expected: np.ndarray) -> bool:
    import io

    return np.array_equal(np.array(Image.open(io.BytesIO(answer))), expected)


def ask(port: int, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        client.request("POST", "/predict?save=labels", body)
        reply = client.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        client.close()


def memory_of(port: int) -> float:
    client = http.client.HTTPConnection("127.0.0.1", port)
    client.request("GET", "/metrics")
    lines = client.getresponse().read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("fullconv_memory_bytes ")))


def report(told: Told, before: float, after: float, served: float, rate: float) -> None:
    cuts = statistics.quantiles(told.latencies, n=100)
    refused = ", ".join(f"{count} times {status}" for status, count in told.refused.items()) or "none"
    print(f"answered {told.answered}, wrong {told.wrong}, lost {told.lost}; refused: {refused}")
    print(f"latency of what was answered: p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s")
    print(f"memory: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after ({after / before:.2f} times)")
    print(f"serve: {served:.1f} photos per CPU second ({served / rate:.0%} of predict)")


if __name__ == "__main__":
    main()
