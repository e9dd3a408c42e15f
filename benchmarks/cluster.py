"""Photos a second of `fullconv predict --cluster ray` on this machine, beside the plain run, whole processes.

usage: python benchmarks/cluster.py FOLDER_OF_PHOTOS [--counts 200 800]

Each is run on few and on many photos; the rate is that of the difference, so that starting Ray is not in it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from processes import Timing, run_once

RUN = "from fullconv.commands.main import main\nmain()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--counts", type=int, nargs=2, default=[200, 800])
    parser.add_argument("--save", default="labels,masks,overlay")
    options = parser.parse_args()
    for name, extra in {"plain": [], "cluster": ["--cluster", "ray"]}.items():
        seconds = []
        for count in options.counts:
            with tempfile.TemporaryDirectory() as folder:
                photos = some(options.photos, count, Path(folder))
                command = ["predict", str(photos), "--out", f"{folder}/out", "--save", options.save, *extra]
                timing = Timing()
                run_once([sys.executable, "-c", RUN, *command], timing)
                seconds.append(timing.seconds[0])
        few, many = options.counts
        rate = (many - few) / (seconds[1] - seconds[0])
        each = ", ".join(f"{count} in {time:.1f} s" for count, time in zip(options.counts, seconds, strict=True))
        print(f"{name:<8} {each}: {rate:5.1f} photos/s, {rate / os.cpu_count():5.1f} a processor", flush=True)


def some(photos: Path, count: int, folder: Path) -> Path:
    chosen = sorted(photos.glob("*.jpg"))[:count]
    (folder / "photos").mkdir()
    for photo in chosen:
        shutil.copy(photo, folder / "photos")
    return folder / "photos"


if __name__ == "__main__":
    main()
