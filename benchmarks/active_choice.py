"""Does it pay to let the model choose what is labelled next? Chosen pictures against random ones: a table and a plot.

usage: python benchmarks/active_choice.py DATA.yaml [--start 10] [--more 5 10 20 40] [--seeds 0 1 2] [--steps 150]
           [--weights photos] [--trunk tf_efficientnet_lite0 --trunk-weights imagenet] [--lr 5e-4] [--merge-to a,b]
           [--out runs/active-choice]

A model is trained on --start pictures of train, drawn at random. It looks at the others, and --more of them are added:
those of which it is least sure, those that differ most (as `fullconv label` chooses them), or random ones. A new model
of the same recipe is trained on all of them and scored on val. A run that is there is read, not repeated.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

import fullconv
from fullconv.data.description import open_dataset
from fullconv.evaluation.scoring import evaluate
from fullconv.labelling.assessment import Assessment, assess_all
from fullconv.labelling.candidates import picture_of
from fullconv.labelling.choosing import STRATEGIES
from fullconv.training.train import train

RECIPE = {"crop_size": 256, "batch_size": 4, "epochs": 1, "track": "none"}
RANDOM, FEW = "random", 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a data YAML whose train and val are lists of names")
    parser.add_argument("--start", type=int, default=10, help="pictures of the first model")
    parser.add_argument("--more", type=int, nargs="+", default=[5, 10, 20, 40])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--weights", default="photos")
    parser.add_argument("--lr", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--trunk", help="encoder of a network that starts from --trunk-weights")
    parser.add_argument("--trunk-weights", help="start from these instead of --weights")
    parser.add_argument("--merge-to", help="score these classes, separated by commas")
    parser.add_argument("--out", type=Path, default=Path("runs/active-choice"))
    options = parser.parse_args()
    sys.modules["onnxscript"] = None  # type: ignore[assignment]  # no model is exported, which would take most of the time
    found = {way: {count: list[float]() for count in options.more} for way in (RANDOM, *STRATEGIES)}
    for seed in options.seeds:
        for way, scores in compare(seed, options).items():
            for count, value in scores.items():
                found[way][count].append(value)
                print(f"seed {seed}  {options.start} + {count:<3} {way:<12} {value:.3f}", flush=True)
    print("".join([f"{'added':<14}", *(f"{count:>14}" for count in options.more)]))
    for way, by_count in found.items():
        cells = (f"{mean(scores):.3f} ±{max(scores) - min(scores):.3f}" for scores in by_count.values())
        print("".join([f"{way:<14}", *(f"{cell:>14}" for cell in cells)]))
    plot(found, options.out / "active-choice.png")


def compare(seed: int, options: argparse.Namespace) -> dict[str, dict[int, float]]:
    """{way: {pictures added: mean IoU on val}}"""
    samples = open_dataset(options.data).split("train")
    order = random.Random(seed).sample(range(len(samples)), len(samples))
    start, rest = order[: options.start], order[options.start :]
    first = train_on([samples[i].name for i in start], "start", seed, options)
    model = fullconv.load(first, engine="torch")
    assessments = list(assess_all(model, [picture_of(samples[i]) for i in (*start, *rest)], print))
    labelled, others = assessments[: options.start], assessments[options.start :]
    names = {sample.image_path: sample.name for sample in samples}
    ranked = {
        RANDOM: others,
        **{way: choose(others, labelled, max(options.more)) for way, choose in STRATEGIES.items()},
    }

    def scored(way: str, count: int) -> float:
        chosen = [names[one.picture.image_path] for one in first_of(ranked[way], others, count)]
        folder = train_on([samples[i].name for i in start] + chosen, f"{way}-{count}", seed, options)
        return mean_iou(folder, options)

    return {way: {count: scored(way, count) for count in options.more} for way in ranked}


def first_of(ranked: Sequence[Assessment], others: Sequence[Assessment], count: int) -> list[Assessment]:
    """The best, filled up with others where too few were chosen because the rest looks like them."""
    return [*ranked, *(one for one in others if one not in ranked)][:count]


def train_on(names: Sequence[str], what: str, seed: int, options: argparse.Namespace) -> Path:
    """The run's folder, of a model trained on these pictures of train."""
    folder = options.out / f"seed{seed}" / what
    if not (folder / "report.html").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        described, listed = folder.with_suffix(".yaml"), folder.with_suffix(".txt")
        listed.write_text("".join(f"{name}\n" for name in names))
        values = yaml.safe_load(options.data.read_text())
        values["path"] = str((options.data.parent / values.get("path", ".")).resolve())
        few = listed.with_name("few.txt")  # the run's own val: with one epoch there is nothing to choose by it
        few.write_text("".join(f"{sample.name}\n" for sample in open_dataset(options.data).split("val")[:FEW]))
        lists = {"train": str(listed.resolve()), "val": str(few.resolve())}
        described.write_text(yaml.safe_dump({**values, **lists}, sort_keys=False))
        repeat = options.steps * RECIPE["batch_size"] / len(names)
        given: dict[str, Any] = {**RECIPE, "lr": options.lr, "repeat": repeat, "seed": seed}
        own = {"trunk": options.trunk, "trunk_weights": options.trunk_weights}
        start = own if options.trunk_weights else {"weights": options.weights}
        train(described, folder, resume=(folder / "last.pt").exists(), **start, **given)
    return folder


def mean_iou(folder: Path, options: argparse.Namespace) -> float:
    numbers = folder / "score.json"
    if not numbers.is_file():
        merge = options.merge_to.split(",") if options.merge_to else ()
        found = evaluate(fullconv.load(folder, engine="torch"), options.data, merge_to=merge)
        numbers.write_text(json.dumps(found))
    return float(json.loads(numbers.read_text())["mean_iou"])


def plot(found: dict[str, dict[int, list[float]]], path: Path) -> None:
    """A line a way, through the means, with the range over the seeds as a band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
    for way, by_count in found.items():
        counts = list(by_count)
        axes.plot(counts, [mean(scores) for scores in by_count.values()], marker="o", label=way)
        axes.fill_between(counts, [min(s) for s in by_count.values()], [max(s) for s in by_count.values()], alpha=0.15)
    axes.set(xlabel="pictures added", ylabel="mean IoU on val", xticks=counts)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
