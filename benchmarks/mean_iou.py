"""Our mean IoU beside mmsegmentation's and PaddleSeg's own code, on random sets, many without some class.

usage: pip download --no-deps mmsegmentation paddleseg -d wheels
       python benchmarks/mean_iou.py wheels

Only the functions that turn counts into numbers are run, read from the wheels; what else they import is left out.
"""

import argparse
import sys
import types
import zipfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import torch

from fullconv.classes import Classes
from fullconv.evaluation.mean_iou import redefined
from fullconv.evaluation.per_picture import score_of
from fullconv.metrics import Confusion

SETS, N = 300, 5
LEFT_OUT = ("paddle", "mmengine", "mmseg", "prettytable", "sklearn")  # with all that lies below them
CLASSES = Classes.named([f"class {i}" for i in range(N)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", type=Path)
    wheels = parser.parse_args().wheels
    mmseg = from_wheel(wheels, "mmsegmentation", "mmseg/evaluation/metrics/iou_metric.py").IoUMetric
    paddle = from_wheel(wheels, "paddleseg", "paddleseg/utils/metrics.py")
    rng, absent, furthest = np.random.default_rng(0), 0, dict.fromkeys(("mmseg", "paddleseg"), 0.0)
    for _ in range(SETS):
        pairs = draw(rng)
        counts, pictures = Confusion(CLASSES), []
        for truth, prediction in pairs:
            pictures.append(score_of(SimpleNamespace(), counts.add(truth, prediction)))
        theirs = {"mmseg": by_mmseg(mmseg, pairs), "paddleseg": by_paddleseg(paddle, counts.matrix)}
        for name, numbers in theirs.items():
            report = redefined(counts.report(), name, pictures)
            ours = [*(row["iou"] for row in report["per_class"].values()), report["mean_iou"]]
            ours = np.array([np.nan if iou is None else iou for iou in ours])
            assert (np.isnan(ours) == np.isnan(numbers)).all(), name
            furthest[name] = max(furthest[name], np.nanmax(np.abs(ours - numbers)))
        absent += bool(np.isnan(theirs["mmseg"]).any())
    print(f"{SETS} sets, {absent} of them with a class absent from truth and prediction")
    print("largest difference of any IoU or mean:", ", ".join(f"{name} {far:.1e}" for name, far in furthest.items()))


def draw(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Three pictures of some of the classes, and void."""
    present = rng.choice(N, rng.integers(1, N + 1), replace=False)
    predicted = present if rng.random() < 0.7 else np.arange(N)
    shown = [(rng.choice([*present, 255], (20, 20)), rng.choice(predicted, (20, 20))) for _ in range(3)]
    return [(truth.astype(np.uint8), prediction.astype(np.uint8)) for truth, prediction in shown]


def by_mmseg(metric: type, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    areas = [
        metric.intersect_and_union(torch.from_numpy(prediction).long(), torch.from_numpy(truth).long(), N, 255)
        for truth, prediction in pairs
    ]
    iou = metric.total_area_to_metrics(*(sum(column) for column in zip(*areas, strict=True)))["IoU"]
    return np.array([*iou, np.nanmean(iou)])


def by_paddleseg(module: types.ModuleType, matrix: np.ndarray) -> np.ndarray:
    areas = np.diag(matrix), matrix.sum(0), matrix.sum(1)
    iou, mean = module.mean_iou(*(SimpleNamespace(numpy=lambda area=area: area) for area in areas))
    return np.array([*iou, mean])


def from_wheel(folder: Path, package: str, path: str) -> types.ModuleType:
    """A single file of a wheel as a module."""
    with zipfile.ZipFile(next(folder.glob(f"{package}-*.whl"))) as wheel:
        code = compile(wheel.read(path), path, "exec")
    module, before = types.ModuleType(package), dict(sys.modules)
    names = [n for n in code.co_names if n.split(".")[0] in LEFT_OUT]
    for name in names:
        sys.modules[name] = MagicMock(BaseMetric=object)
    sys.modules["mmseg.registry"] = MagicMock(METRICS=SimpleNamespace(register_module=lambda: lambda cls: cls))
    exec(code, module.__dict__)
    sys.modules.clear()
    sys.modules.update(before)
    return module


if __name__ == "__main__":
    main()
