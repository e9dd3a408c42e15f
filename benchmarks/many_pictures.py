"""Peak memory of `fullconv predict` over folders of few and of many tiny pictures, whole process.

usage: python benchmarks/many_pictures.py [--counts 10000 100000] [--real]

The pictures are hard links to one file. Without --real the network answers at once, so that the count alone matters.
Each count is run twice, the second time with --resume after everything is done.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from processes import Timing, run_once

LINKS = 50_000  # file systems allow some 65 000 to one file
STUB = """
import numpy as np
from fullconv.prediction.engines import choice
class Stub(choice.OpenVINO):
    def _run(self, images, output):
        return np.zeros(images.shape[:3], np.uint8)
choice.OpenVINO = Stub
"""
RUN = "from fullconv.commands.main import main\nmain()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--real", action="store_true", help="Run the bundled network.")
    options = parser.parse_args()
    code = RUN if options.real else STUB + RUN
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder:
            photos = link(Path(folder) / "photos", count)
            command = [sys.executable, "-c", code, "predict", photos, "--out", f"{folder}/out", "--save", "labels"]
            for extra in ([], ["--resume"]):
                timing = Timing()
                run_once([*command, *extra], timing)
                print(f"{count:6} pictures {' '.join(extra):<9} {timing}", flush=True)


def link(folder: Path, count: int) -> str:
    """A folder of `count` names for pictures of 32x32."""
    folder.mkdir()
    for i in range(count):
        if i % LINKS == 0:
            first = folder / f"{i}.png"
            Image.new("RGB", (32, 32), (90, 120, 60)).save(first)
        else:
            os.link(first, folder / f"{i}.png")
    return str(folder)


if __name__ == "__main__":
    main()
