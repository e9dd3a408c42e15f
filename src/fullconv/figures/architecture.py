"""Draws a network like figure 3 of the paper: grids as coarse as their maps, a line for each convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from fullconv.figures.anatomy import (
    DECODER,
    ENCODER,
    SCORES,
    Block,
    Key,
    block_of,
    blocks_of,
    is_pool,
    is_unpooling,
    spread,
)
from fullconv.figures.canvas import INK, MUTED, RULE, Canvas
from fullconv.figures.photo_result import Image, PhotoResult
from fullconv.models.tracing import Step, trace
from fullconv.words import counted

FILLS = {ENCODER: "#e9eef5", SCORES: "#fdeedd", DECODER: "#e5f1e8"}
EDGES = {ENCODER: "#5b7ea8", SCORES: "#d98a3d", DECODER: "#4f8f63"}
HEADINGS = {ENCODER: "ENCODER", SCORES: "SCORES", DECODER: "DECODER"}
LEGEND = {
    ENCODER: "Each stage halves the map, so that a position sees more of the picture. A line is a convolution.",
    SCORES: "Convolutions turn a stage's map into a score for each class at every position.",
    DECODER: "Upsamples the map step by step and joins what the finer stages give.",
}
JOINS = {"add": "+", "add_": "+", "cat": "beside"}
PITCH, PLATE, LINE = 176, 100, 17  # pixels: between columns, width of a grid, height of a line of text
# pixels: beside the grids, above the first row, height of a row's heading and of a legend's line
LEFT, TOP, HEAD = 50, 78, 26
CELL = 3  # pixels: smaller cells are not drawn one by one

At = tuple[float, float]


@dataclass(frozen=True)
class Plates:
    """The positions of the grids, (x, y) by block, and the height of all, which has the picture's proportions."""

    at: dict[Key, At]
    height: float


def draw_architecture(
    network: nn.Module, name: str, size: int = 512, channels: int = 3, result: PhotoResult | None = None
) -> Canvas:
    """Draws a trace at `size` x `size`: a column per stride, with the encoder on top, then scores, then decoder.

    `result`: the network's results on a photo, at whose size the trace is made. Its labels replace the grids.
    """
    height, width = result.photo.shape[:2] if result else (size, size)
    steps = trace(network, height, width, channels)
    blocks = blocks_of(steps)
    labels = {key: label(block, network, steps) for key, block in blocks.items()}
    if result:
        end = DECODER, Fraction(1)
        labels[end] = ["mask", *labels[end][1:], *result.legend]
    columns = {stride: i for i, stride in enumerate(sorted({block.stride for block in blocks.values()}))}
    rows = _row_tops(labels, PLATE * height / width)
    canvas = Canvas(max(820, 2 * LEFT + PITCH * (len(columns) - 1) + PLATE), rows[-1])
    canvas.text(16, 14, name, 17, bold=True)
    canvas.text(16, 40, summary(network, steps), 13, colour=MUTED)
    plates = Plates({key: (LEFT + columns[key[1]] * PITCH, rows[key[0]]) for key in blocks}, PLATE * height / width)
    _draw_headings(canvas, sorted({kind for kind, _ in blocks}), rows)
    for key, block in blocks.items():
        _draw_block(canvas, block, labels[key], plates, result)
        for source in block.takes:
            _draw_flow(canvas, plates, source, key, len(labels[source]))
    return canvas


def summary(network: nn.Module, steps: list[Step]) -> str:
    """Returns input and output size, parameters and receptive field in one line."""
    size = f"{steps[0].shape[3]}x{steps[0].shape[2]}"
    count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    seen = steps[-1].rows
    side = math.floor(seen.last) - math.ceil(seen.first) + 1
    field = "all of the picture" if steps[-1].whole else f"{side} pixels each way"
    scores = f"{steps[-1].shape[1]} scores a pixel, which see {field}"
    return f"{size} picture → {scores}; {count:.1f} M parameters"


def label(block: Block, network: nn.Module, steps: list[Step]) -> list[str]:
    """Returns the lines under a grid; the first is its title."""
    if block.kind == DECODER:
        return _decoder_label(block, steps)
    convolutions = [step for step in block.steps if step.operation == "convolution"]
    channels = f"{counted(block.end.shape[1], 'channel')}, {_size(block)}"
    if block.kind == SCORES:
        return [*_score_lines(convolutions, network), _size(block), *_crops(block, steps)]
    if block.stride == 1 and not convolutions:
        return ["picture", channels]
    work = [counted(len(convolutions), "convolution")] if convolutions else []
    work += ["pool"] if any(map(is_pool, block.steps)) else []
    field = "sees everything" if block.end.whole else f"sees {math.floor(block.end.rows.size)} px"
    return [f"stride {block.stride}", channels, " + ".join(work), spread([step.module for step in block.steps]), field]


def _score_lines(convolutions: Sequence[Step], network: nn.Module) -> list[str]:
    """Returns, for each score layer, its name, kernels and channels. A network with two heads has two."""
    lines = []
    for block in dict.fromkeys(block_of(step.module) for step in convolutions):
        own = [step for step in convolutions if block_of(step.module) == block]
        kernels = ", ".join(_kernel(network, step) for step in own)
        lines += [block, f"{kernels} → {counted(own[-1].shape[1], 'channel')}"]
    return lines


def _decoder_label(block: Block, steps: list[Step]) -> list[str]:
    lines, convolutions = [], 0
    for step in block.steps:
        sources = [steps[i] for i in step.inputs]
        factor = sources[0].rows.stride / step.rows.stride
        if factor > 1 and is_unpooling(step, steps):
            lines += [f"unpooling ×{factor},", "at the pooling indices"]
        elif factor > 1:
            lines.append(f"{block_of(step.module) or step.operation.removesuffix('2d')} ×{factor}")
        elif step.operation == "convolution":
            convolutions += 1
        elif step.operation in JOINS and len(sources) > 1:
            others = [source for source in sources if source not in block.steps] or sources[1:]
            lines += [f"{JOINS[step.operation]} {_origin(source, steps)}" for source in others]
    if convolutions:
        lines.append(counted(convolutions, "convolution"))
    is_score = block.end.shape[1] == steps[-1].shape[1] or block.end.module.startswith("upscore")
    what = "scores" if is_score else f"{block.end.shape[1]} channels"
    where = f"stride {block.stride}, {_size(block)}" if block.stride > 1 else "each pixel"
    return [what, where, *lines, *_crops(block, steps)]


def _size(block: Block) -> str:
    # The picture's own size differs from that of the map that the first stage takes, which may be padded.
    height, width = (block.end if block.stride > 1 else block.steps[0]).shape[2:]
    return f"{width}x{height}"


def _crops(block: Block, steps: list[Step]) -> list[str]:
    """Returns where a map is cut from a larger one: "crop at 5" rows and columns."""
    cuts = [(step, steps[step.inputs[0]]) for step in block.steps if step.operation == "slice"]
    moved = [(step.rows.first - source.rows.first) / source.rows.stride for step, source in cuts]
    return [f"crop at {offset}" for offset in dict.fromkeys(moved) if offset]


def _origin(step: Step, steps: list[Step]) -> str:
    """Returns the name of the origin of a map, before crops and scalings."""
    while not step.module and step.inputs:
        step = steps[step.inputs[0]]
    return spread([step.module])


def _kernel(network: nn.Module, step: Step) -> str:
    side = getattr(network.get_submodule(step.module), "kernel_size", None)
    return "x".join(map(str, side)) if isinstance(side, tuple) else step.operation


def _row_tops(labels: dict[Key, list[str]], plate: float) -> list[float]:
    """Returns the top of each row of grids, and the height of all with the legend. A row is as high as its longest
    label."""
    tops: list[float] = [TOP + HEAD]
    for kind in (ENCODER, SCORES, DECODER):
        lines = max((len(words) for (other, _), words in labels.items() if other == kind), default=0)
        tops.append(tops[-1] + (plate + LINE * lines + 34 + HEAD if lines else 0))
    return [*tops[:-1], tops[-1] + HEAD * len({kind for kind, _ in labels})]


def _draw_headings(canvas: Canvas, kinds: Sequence[int], rows: Sequence[float]) -> None:
    """Draws the name of each row above it, and the explanation of the names below all of them."""
    for line, kind in enumerate(kinds):
        canvas.text(16, rows[kind] - HEAD, HEADINGS[kind], 13, colour=EDGES[kind], bold=True)
        y = rows[-1] - HEAD * (len(kinds) - line)
        canvas.text(16, y, HEADINGS[kind], 12.5, colour=EDGES[kind], bold=True)
        canvas.text(100, y, LEGEND[kind], 12.5, colour=MUTED)


def _draw_block(canvas: Canvas, block: Block, words: Sequence[str], plates: Plates, result: PhotoResult | None) -> None:
    x, y = plates.at[block.kind, block.stride]
    if block.kind == ENCODER:
        _draw_convolutions(canvas, sum(step.operation == "convolution" for step in block.steps), x, y, plates.height)
    picture = _picture_of(block, result)
    if picture is None:
        _draw_grid(canvas, block, x, y, plates.height)
    else:
        canvas.picture(picture, x, y, PLATE, plates.height)
    canvas.box(x, y, PLATE, plates.height, edge=EDGES[block.kind], line=1.5)
    for i, line in enumerate(words):
        below = y + plates.height + 6 + LINE * i
        legend = result.legend if result and i else {}  # of the classes in the mask
        colour = legend.get(line, MUTED if i else INK)
        canvas.text(x + PLATE / 2, below, line, 12.5, "center", colour, bold=i == 0 or line in legend)


def _picture_of(block: Block, result: PhotoResult | None) -> Image | None:
    if result is None:
        return None
    if block.stride == 1 and block.kind != SCORES:
        return result.photo if block.kind == ENCODER else result.mask
    return result.labels.get((block.kind, block.stride))


def _draw_grid(canvas: Canvas, block: Block, x: float, y: float, height: float) -> None:
    """Draws as many cells as the map has positions; the finest ones merge."""
    canvas.box(x, y, PLATE, height, FILLS[block.kind], "none")
    tall, wide = block.end.shape[2:]
    if block.stride == 1:
        return
    if wide > PLATE / CELL:
        canvas.shade(x, y, PLATE, height, EDGES[block.kind], 0.35)
        return
    weight = min(0.7, 0.12 * PLATE / wide)
    for i in range(1, wide):
        canvas.line((x + i * PLATE / wide,) * 2, (y, y + height), EDGES[block.kind], weight)
    for i in range(1, tall):
        canvas.line((x, x + PLATE), (y + i * height / tall,) * 2, EDGES[block.kind], weight)


def _draw_convolutions(canvas: Canvas, count: int, x: float, y: float, height: float) -> None:
    """Draws a line per convolution between the previous grid and the one at `x`."""
    room = PITCH - PLATE - 28
    gap = min(7.0, room / max(1, count))
    for i in range(count):
        canvas.line((x - 14 - gap * i,) * 2, (y + 0.2 * height, y + 0.8 * height), EDGES[ENCODER], 1.5)


def _draw_flow(canvas: Canvas, plates: Plates, origin: Key, key: Key, lines: int) -> None:
    """Draws the flow from block to block: along a row, or down from under the label and then sideways."""
    (x0, y0), (x1, y1), colour = plates.at[origin], plates.at[key], EDGES[key[0]]
    middle, below = y1 + plates.height / 2, y0 + plates.height + 10 + LINE * lines
    if y0 == y1 and x0 < x1:
        canvas.line((x0 + PLATE, x1), (middle, middle), RULE)
    elif y0 == y1:
        canvas.arrow((x0, x1 + PLATE + 2), (middle, middle), colour)
    elif x0 == x1:
        canvas.arrow((x0 + PLATE / 2,) * 2, (below, y1 - 2), colour)
    else:
        canvas.arrow((x0 + PLATE / 2, x0 + PLATE / 2, x1 + PLATE + 2), (below, middle, middle), colour)
