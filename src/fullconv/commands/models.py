"""fullconv models"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.terminal import say
from fullconv.words import counted


@click.command()
@click.option(
    "--published", is_flag=True, help="List the FCN authors' nets, whose weights `fullconv convert` can import."
)
@json_option
def models(published: bool, json_file: str | None) -> None:
    """List the models bundled with the package, or the published nets."""
    from fullconv.models.published import NETS
    from fullconv.weights.model_folder import bundled_models

    rows, line = [describe(name) for name in bundled_models()], model_line
    if published:
        rows, line = [describe_published(name) for name in NETS], published_line
    write_document(json_file, models=rows)
    if not prints_json(json_file):
        say("\n".join(map(line, rows)))


def describe(name: str) -> dict[str, Any]:
    from fullconv.weights.model_files import read_config
    from fullconv.weights.model_folder import find_model

    folder = find_model(name)
    config = read_config(folder)
    val = config.metrics.get("val", {})
    return {
        "name": name,
        "architecture": config.architecture.title,
        "classes": list(config.classes.names),
        "mean_iou": val.get("mean_iou"),
        "measured_on": describe_split(val) if val else None,
        "test": config.metrics.get("test"),
        "megabytes": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        "folder": str(folder),
    }


def describe_split(val: Mapping[str, Any]) -> str:
    """Returns what a mean IoU was measured on: "val, 21 classes of which 4 are in no mask and count as 0"."""
    rows = val["per_class"].values()
    counts = [row for row in rows if row["iou"] is not None]
    absent = sum(row["pixels"] == 0 for row in counts)
    but = f" of which {absent} {'is' if absent == 1 else 'are'} in no mask and count as 0" if absent else ""
    return f"val, {counted(len(counts), 'class', 'classes')}{but}"


def describe_published(name: str) -> dict[str, Any]:
    from fullconv.models.published import NETS

    net = NETS[name]
    return {
        "name": name,
        "architecture": net.architecture.title,
        "input": net.input,
        "classes": list(net.classes),
        "heads": net.architecture.heads or {"": len(net.classes)},
        "source": net.source,
        "published_mean_iou": net.mean_iou,
        "measured_on": net.measured_on,
    }


def model_line(row: dict[str, Any]) -> str:
    classes = ", ".join(row["classes"])
    return f"{row['name']:<10}  {row['architecture']}  {row['megabytes']:.1f} MB  {scores_of(row)}  {classes}"


def scores_of(row: dict[str, Any]) -> str:
    """Returns the mean IoU on test, if it is known, and on val, each with what it was measured on."""
    test, scores = row["test"], []
    if test:
        count = counted(len(test["classes"]), "class", "classes")
        scores.append(f"{test['mean_iou']:.3f} (test, {count})")
    if row["mean_iou"] is not None:
        scores.append(f"{row['mean_iou']:.3f} ({row['measured_on']})")
    return f"mean IoU {' and '.join(scores) or 'unknown'}"


def published_line(row: dict[str, Any]) -> str:
    known = row["published_mean_iou"]
    score = "no mean IoU published" if known is None else f"published mean IoU {known:.3f} ({row['measured_on']})"
    heads = "+".join(map(str, row["heads"].values()))
    columns = f"{row['name']:<22} {row['architecture']:<18} {row['input']:<14} {heads:>4} classes"
    return f"{columns}  {score}  {row['source']}"
