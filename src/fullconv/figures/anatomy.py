"""Sorts a trace into the parts of a segmentation network: stages of the encoder, scores, and decoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fullconv.models.tracing import Step

ENCODER, SCORES, DECODER = range(3)
Key = tuple[int, Fraction]  # (kind, stride)


@dataclass(frozen=True)
class Block:
    """The steps of one kind that lead to one stride. `end` is their output; also the blocks that they take input
    from."""

    kind: int
    stride: Fraction
    steps: tuple[Step, ...]
    end: Step
    takes: frozenset[Key]


def blocks_of(steps: Sequence[Step]) -> dict[Key, Block]:
    """{(kind, stride): block} in the order in which they run.

    Everything after something coarser is decoder. Of the rest, modules with the paper's names score… are scores. The
    encoder is divided after the map of each stride that other blocks take, so that what follows belongs to the next
    stage.
    """
    strides = _strides(steps)
    kinds = _kinds(steps, strides)
    ends = _encoder_ends(steps, kinds, strides)
    led_to = _leading_to(ends, steps, kinds, strides)
    keys = [(kind, led_to.get(index, stride)) for index, (kind, stride) in enumerate(zip(kinds, strides, strict=True))]
    given = {key: index for index, key in enumerate(keys)}
    given |= {key: index for index, key in enumerate(keys) if steps[index].module}
    given |= {(ENCODER, strides[end]): end for end in ends}
    return {key: _block(key, keys, steps, steps[given[key]]) for key in dict.fromkeys(keys)}


def stage_ends(steps: Sequence[Step]) -> list[Step]:
    """Returns the encoder's output at each stride, finest first, as outputs of modules, without the picture itself."""
    stages = [block for block in blocks_of(steps).values() if block.kind == ENCODER and block.stride > 1]
    return [block.end if block.end.module else next(s for s in reversed(block.steps) if s.module) for block in stages]


def spread(names: Sequence[str]) -> str:
    """["conv3_1", "conv3_2", "pool3"] → "conv3_1 … pool3". A common beginning of long names appears once."""
    found = list(dict.fromkeys(block_of(name) for name in names if name))
    if len(found) < 2:
        return "".join(found)
    first, last = found[0], found[-1]
    stem = re.match(r".*[_.]", first) if len(first + last) > 22 else None
    return f"{first} … {last.removeprefix(stem[0]) if stem else last}"


def block_of(module: str) -> str:
    """Returns the block of the network that contains a module: trunk.network.blocks.2.1.conv_dw → blocks.2."""
    words = [word for word in module.split(".") if not word.startswith(("trunk", "network"))]
    numbered = len(words) > 1 and words[1].isdigit() and not words[0].startswith("score")
    return ".".join(words[: 1 + numbered])


def is_pool(step: Step) -> bool:
    """Whether the step takes maxima or means of neighbours: torch's pooling, or one over pixels arranged as
    channels."""
    return step.operation in ("max", "max_pool2d_with_indices", "avg_pool2d")


def is_unpooling(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a step that enlarges puts values where pooling found its maxima (SegNet): they were multiplied by a mask
    of these positions."""
    before = steps[step.inputs[0]]
    while before.operation in ("view", "_unsafe_view", "clone", "reshape"):
        before = steps[before.inputs[0]]
    return before.operation == "mul" and any(steps[i].operation == "eq" for i in before.inputs)


def _strides(steps: Sequence[Step]) -> list[Fraction]:
    """A step without a stride, because it was taken over the whole map, counts with the map that it came from."""
    strides: list[Fraction] = []
    for step in steps:
        strides.append(step.rows.stride or strides[step.inputs[0]])
    return strides


def _kinds(steps: Sequence[Step], strides: Sequence[Fraction]) -> list[int]:
    kinds: list[int] = []
    for step, stride in zip(steps, strides, strict=True):
        came_from = {kinds[i] for i in step.inputs}
        if DECODER in came_from or any(stride < strides[i] for i in step.inputs):
            kinds.append(DECODER)
        else:
            kinds.append(SCORES if SCORES in came_from or step.module.startswith("score") else ENCODER)
    return kinds


def _encoder_ends(steps: Sequence[Step], kinds: Sequence[int], strides: Sequence[Fraction]) -> list[int]:
    """Returns, for each trunk and stride of the encoder, the index of the step that represents it, in order.

    This is the last map that a score or the decoder takes. If none is taken, it is the end of the last block of that
    stride, or, between two poolings, the first of them; for the picture's own stride, what comes before the first
    convolution.
    """
    inside = [i for i, kind in enumerate(kinds) if kind == ENCODER]
    block_ends = sorted({block_of(steps[i].module): i for i in inside if steps[i].module}.values())
    first_layer = next((i for i in inside if steps[i].operation == "convolution"), len(inside))
    pools = [i for i in inside if is_pool(steps[i]) and strides[i] > strides[steps[i].inputs[0]]]
    pooled = {strides[steps[i].inputs[0]] for i in pools}
    candidates = [
        *(i for i in inside if i < first_layer),
        *(i for i in block_ends if i > first_layer and strides[i] > 1),
        *(i for i in pools if strides[i] in pooled),
        max(inside),
        *_taken(steps, kinds, strides),
    ]
    return sorted({(_trunk_of(steps[i]), strides[i]): i for i in candidates}.values())


def _trunk_of(step: Step) -> str:
    first = step.module.split(".")[0]
    return first if first.startswith("trunk") else ""


def _taken(steps: Sequence[Step], kinds: Sequence[int], strides: Sequence[Fraction]) -> list[int]:
    """Returns the encoder's maps that scores and decoder take, in order, before crops and scalings."""
    pairs = [(source, kind) for step, kind in zip(steps, kinds, strict=True) for source in step.inputs]
    return sorted(
        {_origin(source, steps, strides) for source, kind in pairs if kind != ENCODER and kinds[source] == ENCODER}
    )


def _leading_to(
    ends: Sequence[int], steps: Sequence[Step], kinds: Sequence[int], strides: Sequence[Fraction]
) -> dict[int, Fraction]:
    """{step of the encoder: the stride of the first of `ends` that depends on it}, or its own stride if none does."""
    following: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        for source in step.inputs if kinds[index] == ENCODER else ():
            following.setdefault(source, []).append(index)
    led_to: dict[int, Fraction] = {}
    for index in reversed([i for i, kind in enumerate(kinds) if kind == ENCODER]):
        later = [led_to[i] for i in following.get(index, ())]
        led_to[index] = strides[index] if index in ends or not later else min(later)
    return led_to


def _origin(index: int, steps: Sequence[Step], strides: Sequence[Fraction]) -> int:
    """Returns the step of a module, or the pooling, from which a map comes without a change of stride."""
    before = index
    while not (steps[before].module or is_pool(steps[before]) or not steps[before].inputs):
        if strides[steps[before].inputs[0]] != strides[index]:
            break
        before = steps[before].inputs[0]
    return before


def _block(key: Key, keys: Sequence[Key], steps: Sequence[Step], end: Step) -> Block:
    mine = [index for index, other in enumerate(keys) if other == key]
    takes = {keys[i] for index in mine for i in steps[index].inputs} - {key}
    return Block(*key, tuple(steps[index] for index in mine), end, frozenset(takes))
