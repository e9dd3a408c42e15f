"""One photo from the shell, whole process, warm cache: fullconv's light install beside torch.

usage: python benchmarks/cold_start.py [--runs 5]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from processes import compare, light_environment, table

from fullconv.weights.model_folder import find_model

HERE = Path(__file__).parent
PHOTO = str(HERE.parent / "examples" / "chelsea.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    with tempfile.TemporaryDirectory() as folder:
        fullconv = str(light_environment(Path(folder) / "light") / "fullconv")
        peer = (sys.executable, str(HERE / "peers" / "torchvision_fcn.py"))
        same_net = (sys.executable, str(HERE / "peers" / "torch_timm.py"), str(find_model("photos")))
        commands = {
            "fullconv predict": [fullconv, "predict", PHOTO, "--out", f"{folder}/out"],
            "torch + torchvision fcn_resnet50": [*peer, PHOTO, f"{folder}/a.png"],
            "torch + timm, the same net": [*same_net, PHOTO, f"{folder}/b.png"],
            "fullconv --help": [fullconv, "--help"],
            "fullconv models": [fullconv, "models"],
        }
        print(table(compare(commands, parser.parse_args().runs)))


if __name__ == "__main__":
    main()
