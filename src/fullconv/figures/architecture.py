"""A network as figure 3 of the paper draws it: grids as coarse as their maps, a line for each convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from torch import nn

from fullconv.figures.anatomy import DECODER, ENCODER, SCORES, Part, block_of, is_pool, parts_of, spread
from fullconv.figures.canvas import INK, MUTED, RULE, Canvas
from fullconv.models.tracing import Step, trace
from fullconv.words import counted

FILLS = {ENCODER: "#e9eef5", SCORES: "#fdeedd", DECODER: "#e5f1e8"}
EDGES = {ENCODER: "#5b7ea8", SCORES: "#d98a3d", DECODER: "#4f8f63"}
JOINS = {"add": "+", "add_": "+", "cat": "beside"}
PITCH, PLATE, LINE = 168, 76, 17  # pixels: between columns, side of a grid, of a line of text
LEFT, TOP = 60, 74  # pixels beside and above the first grid


def draw_architecture(network: nn.Module, name: str, size: int = 512, channels: int = 3) -> Canvas:
    """Read off a trace at `size` x `size`: a column a stride; encoder on top, then scores, then decoder."""
    steps = trace(network, size, size, channels)
    parts = parts_of(steps)
    labels = {key: label(part, network, steps) for key, part in parts.items()}
    columns = {stride: i for i, stride in enumerate(sorted({part.stride for part in parts.values()}))}
    rows = _row_tops(labels)
    canvas = Canvas(2 * LEFT + PITCH * (len(columns) - 1) + PLATE, rows[-1])
    canvas.text(16, 14, name, 17, bold=True)
    canvas.text(16, 40, summary(network, steps), 13, colour=MUTED)
    at = {key: (LEFT + columns[key[1]] * PITCH, rows[key[0]]) for key in parts}
    for key, part in parts.items():
        _draw_part(canvas, part, labels[key], *at[key], cells=int(2 * max(columns) / part.stride))
    for key, part in parts.items():
        for source in part.takes:
            _draw_flow(canvas, at[source], at[key], len(labels[source]), part.kind)
    return canvas


def summary(network: nn.Module, steps: list[Step]) -> str:
    """Size in and out, parameters, receptive field: in one line."""
    size = f"{steps[0].shape[3]}x{steps[0].shape[2]}"
    count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    seen = steps[-1].rows
    side = math.floor(seen.last) - math.ceil(seen.first) + 1
    field = "all of the picture" if steps[-1].whole else f"{side} pixels each way"
    scores = f"{steps[-1].shape[1]} scores a pixel, which see {field}"
    return f"{size} picture → {scores}; {count:.1f} M parameters"


def label(part: Part, network: nn.Module, steps: list[Step]) -> list[str]:
    """What stands under a grid; the first line is its title."""
    if part.kind == DECODER:
        return _decoder_label(part, steps)
    convolutions = [step for step in part.steps if step.operation == "convolution"]
    channels = f"{part.end.shape[1]} channels"
    if part.kind == SCORES:
        return [*_score_lines(convolutions, network), *_crops(part, steps)]
    if part.stride == 1 and not convolutions:
        return ["picture", channels]
    work = [counted(len(convolutions), "convolution")] if convolutions else []
    work += ["pool"] if any(map(is_pool, part.steps)) else []
    field = "sees everything" if part.end.whole else f"sees {math.floor(part.end.rows.size)} px"
    return [f"stride {part.stride}", channels, " + ".join(work), spread([step.module for step in part.steps]), field]


def _score_lines(convolutions: Sequence[Step], network: nn.Module) -> list[str]:
    """For each score layer its name, its kernels and its channels; a net of two heads has two."""
    lines = []
    for block in dict.fromkeys(block_of(step.module) for step in convolutions):
        own = [step for step in convolutions if block_of(step.module) == block]
        kernels = ", ".join(_kernel(network, step) for step in own)
        lines += [block, f"{kernels} → {own[-1].shape[1]} channels"]
    return lines


def _decoder_label(part: Part, steps: list[Step]) -> list[str]:
    lines, convolutions = [], 0
    for step in part.steps:
        sources = [steps[i] for i in step.inputs]
        factor = sources[0].rows.stride / step.rows.stride
        if factor > 1:
            lines.append(f"{block_of(step.module) or step.operation.removesuffix('2d')} ×{factor}")
        elif step.operation == "convolution":
            convolutions += 1
        elif step.operation in JOINS and len(sources) > 1:
            others = [source for source in sources if source not in part.steps] or sources[1:]
            lines += [f"{JOINS[step.operation]} {_origin(source, steps)}" for source in others]
    if convolutions:
        lines.append(counted(convolutions, "convolution"))
    is_score = part.end.shape[1] == steps[-1].shape[1] or part.end.module.startswith("upscore")
    what = "scores" if is_score else f"{part.end.shape[1]} channels"
    return [what, f"stride {part.stride}" if part.stride > 1 else "each pixel", *lines, *_crops(part, steps)]


def _crops(part: Part, steps: list[Step]) -> list[str]:
    """Where a map is cut from a larger one: "crop at 5" rows and columns."""
    cuts = [(step, steps[step.inputs[0]]) for step in part.steps if step.operation == "slice"]
    moved = [(step.rows.first - source.rows.first) / source.rows.stride for step, source in cuts]
    return [f"crop at {offset}" for offset in dict.fromkeys(moved) if offset]


def _origin(step: Step, steps: list[Step]) -> str:
    """The name of what a map came from, past crops and scalings."""
    while not step.module and step.inputs:
        step = steps[step.inputs[0]]
    return spread([step.module])


def _kernel(network: nn.Module, step: Step) -> str:
    side = getattr(network.get_submodule(step.module), "kernel_size", None)
    return "x".join(map(str, side)) if isinstance(side, tuple) else step.operation


def _row_tops(labels: dict[tuple[int, Fraction], list[str]]) -> list[float]:
    """The top of each row of grids, and the height of the whole; a row is as high as its longest label."""
    tops: list[float] = [TOP]
    for kind in (ENCODER, SCORES, DECODER):
        lines = max((len(words) for (other, _), words in labels.items() if other == kind), default=0)
        tops.append(tops[-1] + (PLATE + LINE * lines + 42 if lines else 0))
    return tops


def _draw_part(canvas: Canvas, part: Part, words: Sequence[str], x: float, y: float, cells: int) -> None:
    if part.kind == ENCODER:
        _draw_convolutions(canvas, sum(step.operation == "convolution" for step in part.steps), x, y)
    canvas.box(x, y, PLATE, PLATE, FILLS[part.kind], EDGES[part.kind], 1.5)
    for i in range(1, cells if cells <= PLATE / 2 else 0):
        inner = i * PLATE / cells
        for xs, ys in (((x + inner,) * 2, (y, y + PLATE)), ((x, x + PLATE), (y + inner,) * 2)):
            canvas.line(xs, ys, EDGES[part.kind], 0.5)
    for i, line in enumerate(words):
        canvas.text(x + PLATE / 2, y + PLATE + 6 + LINE * i, line, 12.5, "center", MUTED if i else INK, bold=i == 0)


def _draw_convolutions(canvas: Canvas, count: int, x: float, y: float) -> None:
    """Between the grid before and the one at `x`: a line each."""
    room = PITCH - PLATE - 28
    gap = min(7.0, room / max(1, count))
    for i in range(count):
        canvas.line((x - 14 - gap * i,) * 2, (y + 14, y + PLATE - 14), EDGES[ENCODER], 1.5)


def _draw_flow(canvas: Canvas, source: tuple[float, float], target: tuple[float, float], lines: int, kind: int) -> None:
    """From part to part: along a row, or down from under the label and then sideways."""
    (x0, y0), (x1, y1) = source, target
    middle, below = y1 + PLATE / 2, y0 + PLATE + 12 + LINE * lines
    if y0 == y1 and x0 < x1:
        canvas.line((x0 + PLATE, x1), (middle, middle), RULE)
    elif y0 == y1:
        canvas.arrow((x0, x1 + PLATE + 2), (middle, middle), EDGES[kind])
    elif x0 == x1:
        canvas.arrow((x0 + PLATE / 2,) * 2, (below, y1 - 2), EDGES[kind])
    else:
        canvas.arrow((x0 + PLATE / 2, x0 + PLATE / 2, x1 + PLATE + 2), (below, middle, middle), EDGES[kind])
