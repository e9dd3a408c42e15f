"""model.onnx against torch on real photos: the share of equal labels, and what it does to mean IoU.

usage: python benchmarks/parity.py DATA [--count 50] [--model photos]
"""

from __future__ import annotations

import argparse

import numpy as np

from fullconv import load
from fullconv.evaluation.scoring import dataset_for
from fullconv.metrics import Confusion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--model", default="photos")
    options = parser.parse_args()
    torch = load(options.model, engine="torch", precision="fp32")
    others = {
        "openvino fp32": load(options.model, engine="openvino", precision="fp32"),
        "openvino bf16": load(options.model, engine="openvino", precision="bf16"),
        "onnxruntime fp32": load(options.model, engine="onnxruntime"),
    }
    scores = {name: Confusion(torch.classes) for name in ("torch fp32", *others)}
    equal = dict.fromkeys(others, 0)
    pixels = 0
    for sample in dataset_for(torch, options.data).split("val")[: options.count]:
        image, truth = sample.read()
        reference = torch.predict(image).label_map
        scores["torch fp32"].add(truth, reference)
        pixels += reference.size
        for name, model in others.items():
            label_map = model.predict(image).label_map
            scores[name].add(truth, label_map)
            equal[name] += np.count_nonzero(label_map == reference)
    base = scores["torch fp32"].report()["mean_iou"]
    print(f"{options.count} photos, {pixels} pixels; torch fp32 mean IoU {base:.4f}")
    for name in others:
        change = scores[name].report()["mean_iou"] - base
        print(f"{name:<18} equal labels {equal[name] / pixels:.6f}  mean IoU {change:+.5f}")


if __name__ == "__main__":
    main()
