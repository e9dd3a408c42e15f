"""fullconv models"""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def models(as_json: bool) -> None:
    """List the models inside the package."""
    from fullconv.weights.folder import bundled_models

    rows = [describe(name) for name in bundled_models()]
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(map(line, rows)))


def describe(name: str) -> dict[str, Any]:
    from fullconv.weights.folder import find_model, read_config

    folder = find_model(name)
    config = read_config(folder)
    return {
        "name": name,
        "architecture": f"FCN-{config.architecture.stride}s {config.architecture.trunk}",
        "classes": list(config.classes.names),
        "mean_iou": config.metrics.get("val", {}).get("mean_iou"),
        "megabytes": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        "folder": str(folder),
    }


def line(row: dict[str, Any]) -> str:
    score = "mean IoU unknown" if row["mean_iou"] is None else f"mean IoU {row['mean_iou']:.3f}"
    classes = ", ".join(row["classes"])
    return f"{row['name']:<10}  {row['architecture']}  {row['megabytes']:.1f} MB  {score}  {classes}"
