"""The model card: what a model is, how it was trained, and its scores. Its front matter is for the Hugging Face hub."""

from __future__ import annotations

import textwrap
from typing import Any

from fullconv.models.config import ModelConfig
from fullconv.training.recipe import Recipe
from fullconv.words import counted

WIDTH = 120  # characters per line
FRONT = """---
library_name: fullconv
pipeline_tag: image-segmentation
tags: [semantic-segmentation, fcn]
---
"""


def card(config: ModelConfig) -> str:
    """Returns the README.md of a model folder, from its config only."""
    lines = [
        f"{FRONT}# {config.name}",
        "",
        f"{config.architecture.title}, {counted(len(config.classes), 'class', 'classes')}, trained with fullconv.",
        "",
        "## Numbers",
        "",
        *scores(config.metrics.get("val")),
        *sureness(config),
        "## Recipe",
        "",
        "Settings that differ from the defaults of `fullconv train`:",
        "",
        "```yaml",
        *(f"{key}: {value}" for key, value in differing(config.provenance.get("recipe", {})).items()),
        "```",
        "",
    ]
    return "\n".join(lines)


def scores(val: dict[str, Any] | None) -> list[str]:
    """Returns a table of IoU and accuracy per class, with means, as Markdown lines."""
    if not val:
        return ["There was no validation split to measure on.", ""]
    rows = [
        f"| {name} | {_number(row['iou'])} | {_number(row['accuracy'])} |" for name, row in val["per_class"].items()
    ]
    return [
        "On the validation split, which was also used to choose the epoch, at source size: "
        f"mean IoU {_number(val['mean_iou'])}, "
        f"boundary IoU {_number(val['boundary_iou'])}, pixel accuracy {_number(val['pixel_accuracy'])}.",
        "",
        "| class | IoU | accuracy |",
        "|---|---|---|",
        *rows,
        "",
    ]


def sureness(config: ModelConfig) -> list[str]:
    """Returns how reliable the probabilities are, as Markdown lines."""
    found = config.metrics.get("calibration")
    if not found:
        return []
    before, after = found["error_before"], found["error_after"]
    fitted = f"fitted on {counted(found['fitted_on'], 'picture')} of the validation split"
    measured = (
        f"On {counted(found['measured_on'], 'other picture')}, the expected calibration error of confidence "
        f"({found['bins']} bins) is {after:.4f} with it and {before:.4f} without it"
    )
    used = (
        f"Where probabilities are computed, the scores are divided by {config.temperature:g} (`temperature` in "
        f"config.json). It was {fitted}. {measured}."
    )
    unused = (
        f"A temperature of {found['temperature']:g} was {fitted}. {measured}, so the scores are not divided by it "
        "(`temperature` in config.json is 1)."
    )
    text = used if config.temperature == found["temperature"] else unused
    return ["## How certain is it?", "", *textwrap.wrap(text, WIDTH), ""]


def differing(recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns the keys of a recipe that differ from the defaults."""
    defaults = Recipe().to_json()
    return {key: value for key, value in recipe.items() if value != defaults.get(key)}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
