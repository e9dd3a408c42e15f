"""fullconv bench"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.shared_options import model_options
from fullconv.commands.terminal import note, say

if TYPE_CHECKING:
    from fullconv.prediction.benchmark import Speed
    from fullconv.weights.model_folder import ModelFolder

PAIRS = (
    ("openvino", "int8"), ("openvino", "bf16"), ("openvino", "fp32"), ("onnxruntime", "fp32"),
    ("torch", "bf16"), ("torch", "fp32"),
)  # fmt: skip


@click.command()
@click.option("--size", default="384x512", help="Size of the input picture as HEIGHTxWIDTH, in pixels.")
@json_option
@model_options
def bench(size: str, json_file: str | None, model: str, engine: str, precision: str, device: str | None) -> None:
    """Time a model on this machine, and compare it with the machine's peak speed.

    Without --engine and --precision, every installed combination is timed, one picture at a time. The peak is the speed
    of a matrix product and of a 3x3 convolution, measured in the same run with OpenVINO, or with torch if only torch is
    timed.
    """
    from fullconv.prediction.benchmark import multiply_adds, peaks
    from fullconv.prediction.engines.choice import Choice
    from fullconv.weights.model_folder import open_folder

    folder = open_folder(model)
    Choice("torch" if engine == "auto" else engine, precision, device).check(folder.path)
    architecture = folder.config.architecture
    height, width = parse_size(size, architecture.multiple_of)
    shape = height, width, architecture.channels * max(len(architecture.inputs), 1)
    macs = multiply_adds(folder.path, *shape)
    speeds = list(measured(folder, pairs_for(engine, precision), device, shape, macs, folder.config.input))
    library = "torch" if find_spec("openvino") is None or {s.engine for s in speeds} == {"torch"} else "openvino"
    kinds = sorted({peak_of(speed, library) for speed in speeds})
    highest = {kind: peaks(kind, library, device) for kind in kinds}
    rows = [speed.to_json() for speed in speeds]
    write_document(json_file, model=model, size=size, gmac=macs and macs / 1e9, peaks=highest, runs=rows)
    if not prints_json(json_file):
        say(table(speeds, highest, library, f"{model}, {width}x{height} pixels", macs))


def parse_size(size: str, multiple_of: int) -> tuple[int, int]:
    """Returns (height, width) in pixels. Raises FullconvError if the network does not take this size."""
    from fullconv.errors import UnknownValue

    match = re.fullmatch(r"(\d+)x(\d+)", size)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(side and side % multiple_of == 0 for side in found):
        raise UnknownValue(f"--size {size}: give HEIGHTxWIDTH, multiples of {multiple_of}")
    return found


def pairs_for(engine: str, precision: str) -> list[tuple[str, str]]:
    """Returns the (engine, precision) pairs to time: a single one if neither is auto."""
    pairs = [pair for pair in PAIRS if engine in ("auto", pair[0]) and precision in ("auto", pair[1])]
    return pairs or [(engine, precision)]


def measured(
    folder: ModelFolder, pairs: list[tuple[str, str]], device: str | None, shape: tuple[int, int, int],
    macs: float | None, kind: str,
) -> Iterator[Speed]:  # fmt: skip
    """Yields the speed of each pair. If there are several, a pair that cannot run here is left out with a note."""
    from fullconv.errors import FullconvError
    from fullconv.prediction.benchmark import measure
    from fullconv.prediction.engines.choice import Choice, open_engine

    for name, precision in pairs:
        try:
            yield measure(open_engine(folder, Choice(name, precision, device)), *shape, macs, kind)
        except FullconvError as error:
            if len(pairs) == 1:
                raise
            note(f"{name} {precision} left out: {error}")


def peak_of(speed: Speed, library: str) -> str:
    """Returns the precision whose peak a speed is compared with: OpenVINO quantises from bf16 and has no fp16."""
    return speed.precision if speed.precision == "fp32" or library == "torch" else "bf16"


def table(
    speeds: list[Speed], highest: dict[str, dict[str, float]], library: str, title: str, macs: float | None
) -> str:
    """Returns the title, a row for each pair, and the peak speeds. `highest`: {precision: {operation: GMAC/s}}."""
    lines = [f"{title}, {macs / 1e9:.2f} billion multiply-adds" if macs else title]
    lines += [f"{'':<18}{'median':>9}{'90 %':>9}{'99 %':>9}{'images/s':>10}{'MB':>7}{'GMAC/s':>8}{'of peak':>9}"]
    for s in speeds:
        peak = highest[peak_of(s, library)]["convolution"]
        rate = f"{s.gmac_per_second:8.0f}{s.gmac_per_second / peak:9.0%}" if s.gmac_per_second else ""
        times = "".join(f"{ms:6.1f} ms" for ms in (s.p50_ms, s.p90_ms, s.p99_ms))
        lines.append(f"{s.engine + ' ' + s.precision:<18}{times}{s.images_per_second:10.1f}{s.memory_mb:7.0f}{rate}")
    for precision, rates in highest.items():
        lines.append(f"peak {precision}: " + ", ".join(f"{name} {rate:.0f} GMAC/s" for name, rate in rates.items()))
    return "\n".join(lines)
