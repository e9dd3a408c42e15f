"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fullconv.commands.paths import PATH
from fullconv.errors import FullconvError, suggestion

Command = Callable[..., Any]
MODELS = "Name of a bundled model, a model folder, a training run's folder, or hf://owner/name[@revision]."


class OneOf(click.Choice[str]):
    """One of a few names. The error for another name suggests the nearest one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx).rstrip(".") + suggestion(str(value), self.choices)


class Listed(click.Option):
    """An option whose value is a list with commas. If it is repeated, the lists are joined; click uses the last."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append", nargs=1)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        return ",".join(value) if isinstance(value, list) else value, source


class Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers separated by commas, such as 4,3,2."""

    name = "numbers"

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        try:
            return tuple(self.kind(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value}: give numbers separated by commas, without blanks", param, ctx)


class Words(click.ParamType[tuple[str, ...]]):
    """Names separated by commas, such as cat,dog."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        words = tuple(word.strip() for word in str(value).split(",") if word.strip())
        if not words:
            self.fail(f"{value!r}: give names separated by commas, such as cat,dog", param, ctx)
        return words


class Weights(click.ParamType[Any]):
    """The name of a rule for class weights, or the weights themselves, one per class."""

    name = "none|balanced|enet|1,20"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | tuple[float, ...]:
        if value in ("none", "balanced", "enet"):
            return str(value)
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value}: give none, balanced, enet, or one number per class, such as 1,20", param, ctx)


class Side(click.ParamType[Any]):
    """A number of pixels, none or auto."""

    name = "N|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value in ("none", "auto"):
            return str(value)
        if not str(value).isdigit() or int(value) < 32:
            self.fail(f"{value}: give a number of pixels, 32 or more, or none", param, ctx)
        return int(value)


class BatchSize(click.ParamType[Any]):
    """A number of pictures, or auto, which is 0 in a recipe."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto":
            return 0
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value}: give a number of pictures, 1 or more, or auto", param, ctx)
        return int(value)


engine_option = click.option(
    "--engine",
    type=OneOf(["auto", "openvino", "torch", "onnxruntime"]),
    default="auto",
    help="Library that runs the model.",
)

precision_option = click.option(
    "--precision",
    type=OneOf(["auto", "fp32", "bf16", "fp16", "int8"]),
    default="auto",
    help="Number format to compute in.",
)

device_option = click.option("--device", help="Where to run: cpu, cuda or cuda:0.  [default: chosen by the engine]")


def model_options(command: Command) -> Command:
    """Adds --model, --engine, --precision and --device, in this order."""
    model_option = click.option("-m", "--model", default="photos", help=MODELS)
    return model_option(engine_option(precision_option(device_option(command))))


tta_option = click.option(
    "--tta",
    is_flag=True,
    help="Also run the model on each picture's mirror image, and average the scores. Takes twice the time.",
)

outside_option = click.option(
    "--outside", type=PATH, multiple=True, metavar="DIR",
    help="Also allow the data's lists and annotations to refer to files in this folder. Can be repeated.",
)  # fmt: skip


def memory_option(expose_value: bool = False) -> Callable[[Command], Command]:
    """--memory: the limit applies until the command ends. With `expose_value`, the command also gets the text."""
    return click.option(
        "--memory", metavar="SIZE", callback=_allow, expose_value=expose_value,
        help="Memory limit of the process, such as 2G. Pictures wait until there is memory for them; a picture that "
        "can never fit is refused.  [default: pictures may use half of what the machine or the container has left]",
    )  # fmt: skip


def _allow(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    from fullconv.prediction.memory import allow, parse_size

    if text is not None:
        allow(parse_size(text))
        context.call_on_close(lambda: allow(None))
    return text


def check_data(data: Path) -> None:
    """Raises FullconvError if `data` does not exist. Call it before a model is loaded, which may take seconds."""
    if not data.exists():
        raise FullconvError(f"{data}: no such folder or data YAML")
