"""Finds what every map in a network sees of the picture, by running the network on windows instead of numbers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from fullconv.errors import FullconvError
from fullconv.models.geometry import Window
from fullconv.models.operation_windows import Sight, rule_of


@dataclass(frozen=True)
class Step:
    """One tensor operation: the innermost `module` that ran it ("" is the network itself), the steps that gave its
    inputs, the shape of its output, and what a position of the output sees of the picture, in pixels.

    `whole`: the output depends on a mean over a whole map (squeeze-and-excitation, global pooling). Its windows then
    span a picture of this size.
    """

    module: str
    operation: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    rows: Window
    columns: Window
    whole: bool


def trace(network: nn.Module, height: int, width: int, channels: int = 3) -> list[Step]:
    """Returns every step that depends on the picture, in order. The first is the picture itself, the last the output.

    The network must be in evaluation mode. Nothing is computed and its parameters do not change. Raises FullconvError
    for an operation whose geometry is not known, and if the picture is too small for the network.
    """
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    weightless = {name: tensor.to("meta") for name, tensor in tensors.items()}
    return run_traced(network, torch.empty(1, channels, height, width, device="meta"), weightless).steps


def trace_picture(network: nn.Module, picture: Tensor) -> tuple[list[Step], list[Tensor]]:
    """Returns the steps for a picture (1, C, H, W) of 0–255, and the output of each, computed and all kept in memory.

    If a later step changes an output in place, the changed values are returned.
    """
    tracer = run_traced(network, picture, {})
    return tracer.steps, tracer.outputs


def run_traced(network: nn.Module, picture: Tensor, parameters: dict[str, Tensor]) -> Tracer:
    """Runs the network with `parameters` in place of its own."""
    with torch.no_grad(), Tracer(picture) as tracer, following(network, tracer.inside):
        try:
            functional_call(network, parameters, (picture,))
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            size = f"{picture.shape[3]}x{picture.shape[2]}"
            raise FullconvError(f"the network cannot be run on {size} pixels ({reason})") from None
    return tracer


def receptive_field(network: nn.Module, module: str = "", size: int = 512, channels: int = 3) -> Step:
    """Returns what the output of the module with that name sees. "" is the output of the network."""
    return last_step(trace(network, size, size, channels), module)


def output_window(network: nn.Module, channels: int = 3) -> tuple[int, int] | None:
    """Returns (first, last): what pixel 0 of the output sees, rows and columns together. None: unknown, or the whole
    picture."""
    try:
        step = receptive_field(network, channels=channels)
    except FullconvError:
        return None
    if step.whole:
        return None
    seen = step.rows.beside(step.columns)
    return floor(seen.first), ceil(seen.last)


def last_step(steps: list[Step], module: str = "") -> Step:
    """Returns the step that gave the output of `module`. Raises FullconvError if no step ran in a module of that
    name."""
    for step in reversed(steps):
        if not module or step.module == module or step.module.startswith(f"{module}."):
            return step
    names = list(dict.fromkeys(step.module for step in steps if step.module))
    close = difflib.get_close_matches(module, names, 3, cutoff=0) or names[:3]
    raise FullconvError(f"no layer {module!r} in the network; similar names: {', '.join(close)}")


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tracks a Sight for every tensor that depends on the picture."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside = [""]  # names of the modules that are running, outermost first
        self.steps: list[Step] = []
        self.outputs: list[Tensor] = []  # of each step; the first, if it has several
        # By identity. The tensors are kept so that no identity is used twice.
        self.known: dict[int, tuple[Tensor, Sight, int]] = {}
        self.note("picture", (), [picture], Sight())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        values = arguments(func, args, kwargs or {})
        sources = [self.known[id(t)] for t in tensors_in(values.values()) if id(t) in self.known]
        outputs = list(tensors_in([result]))
        if sources and outputs:
            sight = follow(func, values, [sight for _, sight, _ in sources], tuple(outputs[0].shape))
            self.note(func.overloadpacket.__name__, tuple(index for *_, index in sources), outputs, sight)
        return result

    def note(self, operation: str, inputs: tuple[int, ...], outputs: list[Tensor], sight: Sight) -> None:
        shape = tuple(outputs[0].shape)
        self.known.update({id(output): (output, sight, len(self.steps)) for output in outputs})
        self.outputs.append(outputs[0])
        self.steps.append(Step(self.inside[-1], operation, inputs, shape, sight.rows, sight.columns, sight.whole))


def follow(func: Any, values: Mapping[str, Any], sights: list[Sight], shape: tuple[int, ...]) -> Sight:
    """Returns what the output of an operation, of `shape`, sees, given the sights of its input maps."""
    if all(sight.constant for sight in sights):  # no operation changes what they see
        return reduce(lambda one, other: one.beside(other, ()), sights)
    rule = rule_of(func)
    try:
        return rule(reduce(lambda one, other: one.beside(other, shape), sights), values)
    except FullconvError as error:
        raise FullconvError(f"{func}: {error}") from None


def arguments(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of an operation by name, including defaults."""
    schema = func._schema.arguments
    values = {a.name: a.default_value for a in schema if a.has_default_value()}
    return {**values, **dict(zip((a.name for a in schema), args, strict=False)), **kwargs}


def tensors_in(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


@contextmanager
def following(network: nn.Module, inside: list[str]) -> Iterator[None]:
    """Keeps the names of the running modules in `inside`."""
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            before = module.register_forward_pre_hook(lambda *_, name=name: inside.append(name))
            after = module.register_forward_hook(lambda *_: inside.__delitem__(-1), always_call=True)
            hooks.callback(before.remove)
            hooks.callback(after.remove)
        yield
