"""Time and peak memory of importing a .caffemodel the size of voc-fcn32s (545 MB), whole process.

usage: python benchmarks/import_memory.py [--onnx]

The file is generated: its shapes are the released net's, its numbers random. The generator is a process of its own,
since a process begins with the peak of the one that started it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import Timing, run_once

NET = "voc-fcn32s"
ROOT = Path(__file__).parent.parent
GENERATE = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})  # the writer is the tests'
from pathlib import Path
from weights.caffe_files import write_caffemodel
from weights.caffe_nets import deploy
write_caffemodel(Path(sys.argv[1]), deploy({NET!r}).parameters())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnx", action="store_true", help="Measure with the export of model.onnx too.")
    flags = ["--no-onnx", "--onnx"] if parser.parse_args().onnx else ["--no-onnx"]
    fullconv = str(Path(sys.executable).parent / "fullconv")
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/net.caffemodel"
        subprocess.run([sys.executable, "-c", GENERATE, file], check=True)
        for flag in flags:
            timing = Timing()
            run_once([fullconv, "convert", "caffe", file, "--net", NET, "--out", f"{folder}/{flag}", flag], timing)
            print(f"{Path(file).stat().st_size / 1e6:.0f} MB imported {flag:<9} {timing}", flush=True)


if __name__ == "__main__":
    main()
