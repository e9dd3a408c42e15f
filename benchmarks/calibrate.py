"""Calibrates a finished model: python benchmarks/calibrate.py MODEL DATA [--split val]

Fits the temperature to one half of a split and measures the expected calibration error on the other, as training does
at its end. Writes both into MODEL's config.json, and the section "How certain is it?" of its README.md.
"""

import argparse
import re

from fullconv.errors import FullconvError
from fullconv.evaluation.scoring import dataset_for
from fullconv.files import write_whole
from fullconv.prediction.predictor import load
from fullconv.training.calibrated import with_temperature
from fullconv.training.card import sureness
from fullconv.weights.model_files import CARD, write_config
from fullconv.weights.model_folder import find_model

SECTION = re.compile(r"## How certain is it\?\n.*?(?=^## )", re.DOTALL | re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--split", default="val")
    arguments = parser.parse_args()
    folder = find_model(arguments.model)
    samples = dataset_for(load(folder, precision="fp32"), arguments.data).split(arguments.split)
    config = with_temperature(folder, samples, engine="auto")
    if "calibration" not in config.metrics:
        raise FullconvError(f"{arguments.data}: too few labelled pictures to be halved; nothing was written")
    write_config(folder, config)
    section, path = "\n".join(sureness(config)) + "\n", folder / CARD
    text = path.read_text(encoding="utf-8")
    text = SECTION.sub(section, text) if SECTION.search(text) else text.replace("## Data\n", f"{section}## Data\n", 1)
    write_whole(path, lambda hidden: hidden.write_text(text, encoding="utf-8"))
    print(section.strip())


if __name__ == "__main__":
    main()
