"""One compiled shape against a dynamic one, and what the label map costs over bare scores.

usage: python benchmarks/static_shapes.py [--height 384] [--width 512]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from fullconv.prediction.engines.openvino import import_openvino
from fullconv.weights.model_files import GRAPH
from fullconv.weights.model_folder import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=384)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    static = [1, options.height, options.width, 3]
    dynamic = [1, -1, -1, 3]
    variants = {
        "label map, static shape": compiled(static, "label_map"),
        "label map, dynamic shape": compiled(dynamic, "label_map"),
        "scores, static shape": compiled(static, "scores"),
    }
    image = np.random.default_rng(0).integers(0, 255, static).astype(np.uint8)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(options.rounds):
        for name, network in variants.items():
            start = time.perf_counter()
            network([image])
            seconds[name].append(time.perf_counter() - start)
    first = seconds["label map, static shape"]
    for name, times in seconds.items():
        ratio = statistics.median(b / a for a, b in zip(first, times, strict=True))
        print(f"{name:<26}{statistics.median(times) * 1000:7.1f} ms  {ratio:5.2f} times the first")


def compiled(shape: list[int], output: str):
    core = import_openvino().Core()
    model = core.read_model(find_model("photos") / GRAPH)
    for result in model.get_results():
        if output not in result.input(0).get_source_output().get_names():
            model.remove_result(result)
    model.reshape({"image": shape})
    return core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})


if __name__ == "__main__":
    main()
