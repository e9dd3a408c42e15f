"""One photo from the shell, whole process, beside other packages, as far as they are installed here.

Processor time is printed beside wall time: on a machine that other work shares it is the fairer of the two. Each peer
may lie in an environment of its own. usage: python benchmarks/cold_start_peers.py [--runs 3] [--peer NAME=PYTHON …]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PHOTO = HERE.parent / "examples" / "chelsea.jpg"
PEERS = {
    "torchvision fcn_resnet50": "torchvision_fcn",
    "smp Unet resnet34": "smp_unet",
    "ultralytics yolo11n-seg": "ultralytics_yolo",
}


def measured(command: list[str]) -> tuple[float, float] | None:
    """(wall seconds, processor seconds) of one run; None where it fails, with its last line."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print(f"{command[1]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", action="append", default=[], help="smp_unet=/path/to/python")
    options = parser.parse_args()
    pythons = dict(peer.split("=", 1) for peer in options.peer)
    with tempfile.TemporaryDirectory() as folder:
        own = [sys.executable, "-m", "fullconv", "predict", str(PHOTO), "--out", folder]
        commands = {"fullconv predict": own}
        for title, name in PEERS.items():
            script = str(HERE / "peers" / f"{name}.py")
            commands[title] = [pythons.get(name, sys.executable), script, str(PHOTO), f"{folder}/{name}.png"]
        warmed = {title: command for title, command in commands.items() if measured(command)}
        rounds = [{title: measured(command) for title, command in warmed.items()} for _ in range(options.runs)]
    for title in warmed:
        walls, processor = zip(*(times[title] for times in rounds if times[title]), strict=True)
        print(f"{title:<30}{statistics.median(walls):7.2f} s wall{statistics.median(processor):7.2f} s processor")


if __name__ == "__main__":
    main()
