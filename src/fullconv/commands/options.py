"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fullconv.errors import FullconvError

Command = Callable[..., Any]


def model_options(command: Command) -> Command:
    """--model, and what it runs on."""
    for option in (
        click.option("--device", help="cpu, cuda or cuda:0.  [default: what the engine finds]"),
        click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16", "int8"]), default="auto"),
        click.option("--engine", type=click.Choice(["auto", "openvino", "torch", "onnxruntime"]), default="auto"),
        click.option("--model", default="animals", help="A bundled model's name, or a model folder."),
    ):
        command = option(command)
    return command


def check_data(data: Path) -> None:
    """Before a model is loaded, which may take seconds."""
    if not data.exists():
        raise FullconvError(f"{data}: no such folder or data YAML")
