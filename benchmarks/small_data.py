"""What a few labelled pictures and a short time give: `fullconv train FOLDER --time 10m`, scored on unseen pictures.

    python benchmarks/small_data.py ../shared/data --out runs/small                # all sets, ten minutes each
    python benchmarks/small_data.py ../shared/data --out runs/small --only cracks --time 40s
    python benchmarks/small_data.py ../shared/data --out runs/small --old ../old --smp smp/bin/python

Each set (small_sets.py) is a bare folder: images/ beside masks/, no YAML. `--old` is another checkout of this project,
whose own defaults get the same time. `--smp` is a Python that has segmentation_models.pytorch; a plain loop with it
(peers/smp_train.py) gets the same time. Each run adds a line to OUT/runs.jsonl; a run that is there is not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import small_sets
import yaml
from PIL import Image

from fullconv.classes import Classes
from fullconv.evaluation.thin_structures import ThinScores
from fullconv.metrics import Confusion
from fullconv.training.length import seconds_of

HERE = Path(__file__).parent
LOOP = HERE / "peers" / "smp_train.py"
# The bundled model has seen these photos, so it must not be the start.
OPTIONS = {"photos": ["--trunk", "tf_efficientnet_lite0", "--trunk-weights", "imagenet"]}


@dataclass(frozen=True)
class Run:
    """`who`: ours, old or smp; `tool`: the checkout, or the Python."""

    who: str
    tool: Path
    name: str
    time: str
    folder: Path  # of the set
    out: Path

    def do(self) -> dict[str, Any]:
        line = {"set": self.name, "who": self.who, "time": self.time, "cpu": cpu(), "threads": threads()}
        began = monotonic()
        result = self._loop() if self.who == "smp" else self._fullconv()
        return {**line, "seconds": round(result.pop("ended") - began, 1), **result}

    def _fullconv(self) -> dict[str, Any]:
        bare, unseen = self.folder / "bare", self.folder / "unseen"
        call("train", bare, "--time", self.time, "--out", self.out, *OPTIONS.get(self.name, ()), checkout=self.tool)
        ended = monotonic()
        names = yaml.safe_load((self.out / "data.yaml").read_text())["names"]
        (unseen / "data.yaml").write_text(yaml.safe_dump({"path": ".", "names": names}))
        where = (unseen / "data.yaml", "--model", self.out / "model", "--thin", "--json", "-")
        return {"ended": ended, "steps": steps_of(self.out), **scores_of(json.loads(call("evaluate", *where)))}

    def _loop(self) -> dict[str, Any]:
        bare, unseen = self.folder / "bare", self.folder / "unseen"
        command = [self.tool, LOOP, bare, unseen, self.out, "--seconds", seconds_of(self.time)]
        done = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)
        return {"ended": monotonic(), "steps": int(done.stdout), **score(unseen / "masks" / "val", self.out)}


def call(*arguments: object, checkout: Path = HERE.parent) -> str:
    """What fullconv of a checkout prints. What goes wrong is shown."""
    command = [sys.executable, "-m", "fullconv", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str((checkout / "src").resolve())}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def steps_of(run: Path) -> int:
    """Those that were done: a run may have stopped early."""
    recipe = json.loads((run / "recipe.json").read_text())
    pictures = json.loads((run / "manifest.json").read_text())["data"]["splits"]["train"]["pictures"]
    epochs = len((run / "log.jsonl").read_text().splitlines())
    return epochs * -(-int(recipe["repeat"] * pictures + 1e-6) // recipe["batch_size"])


def score(truths: Path, predictions: Path) -> dict[str, Any]:
    """The numbers of `fullconv evaluate`, of masks whose values are those of the truth."""
    pairs = [
        [np.asarray(Image.open(folder / f"{path.stem}.png")) for folder in (truths, predictions)]
        for path in sorted(truths.iterdir())
    ]
    values = sorted({int(value) for pair in pairs for mask in pair for value in np.unique(mask)})
    values = values if values == [0, 255] else [value for value in values if value != 255]
    table = np.full(256, 255, np.uint8)
    table[values] = range(len(values))
    classes = Classes.named([str(value) for value in values])
    counts, thin = Confusion(classes), ThinScores(classes)
    for truth, prediction in pairs:
        counts.add(table[truth], table[prediction])
        thin.add(table[truth], table[prediction])
    return scores_of({**counts.report(), "thin": thin.report()})


def scores_of(report: dict[str, Any]) -> dict[str, Any]:
    """`f1` and `cldice` are those of the last class, the only object in most of the sets."""
    thin = list(report["thin"]["per_class"].values())[-1]
    return {
        "mean_iou": report["mean_iou"],
        "iou": [row["iou"] for row in report["per_class"].values()],
        "f1": thin["f1"],
        "cldice": thin["cldice"],
    }


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0))))


def asked(given: argparse.Namespace) -> Iterator[Run]:
    tools = {"ours": HERE.parent, "old": given.old, "smp": given.smp}
    for name in given.only or small_sets.SETS:
        place = small_sets.make(name, given.data, given.out / "sets")
        for who, tool in tools.items():
            if tool and who in (given.who or tools):
                yield Run(who, tool, name, given.time, place, given.out / f"{name}-{who}-{given.time}")


def table(lines: list[dict[str, Any]]) -> str:
    rows = [f"{'set':<12}{'who':<6}{'time':>6}{'seconds':>9}{'steps':>7}{'mean IoU':>10}{'F1, 2 px':>10}{'clDice':>8}"]
    for one in lines:
        values = "".join(
            f"{'-' if one[key] is None else format(one[key], '.3f'):>{width}}"
            for key, width in (("mean_iou", 10), ("f1", 10), ("cldice", 8))
        )
        rows.append(f"{one['set']:<12}{one['who']:<6}{one['time']:>6}{one['seconds']:>9.1f}{one['steps']:>7}{values}")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of nuclei/, cracks/, aerial-buildings/ and voc-animals/")
    parser.add_argument("--out", type=Path, default=Path("runs/small"))
    parser.add_argument("--time", default="10m")
    parser.add_argument("--only", action="append", choices=list(small_sets.SETS), help="may be given several times")
    parser.add_argument("--who", action="append", choices=["ours", "old", "smp"], help="may be given several times")
    parser.add_argument("--old", type=Path, help="another checkout of this project")
    parser.add_argument("--smp", type=Path, help="a Python with segmentation_models.pytorch")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "runs.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    for run in asked(given):
        if any((one["set"], one["who"], one["time"]) == (run.name, run.who, run.time) for one in lines):
            continue
        try:
            lines.append(run.do())
        except subprocess.CalledProcessError as error:
            print(f"{run.out}: failed with exit code {error.returncode}; the other runs go on", file=sys.stderr)
            continue
        with file.open("a") as opened:
            opened.write(json.dumps(lines[-1]) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
