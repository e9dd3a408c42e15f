"""Reads the header of model.onnx by seeking, so that a damaged file, or one of another model, is found before it runs.

Field numbers are those of onnx.proto3 (github.com/onnx/onnx): ModelProto, GraphProto, ValueInfoProto, TypeProto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.weights.protobuf import BYTES, VARINT, Damaged, Message

GRAPH, INPUT, OUTPUT = 7, 11, 12
NAME, TYPE, TENSOR, KIND, SHAPE, DIMENSION, LENGTH = 1, 2, 1, 1, 2, 1, 1
LONGEST_NAME = 1000
FUNCTIONS, NODE_OF_FUNCTION, NODE, INITIALISER, SPARSE, ATTRIBUTE = 25, 7, 1, 5, 15, 5
ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS, EXTERNAL = (5, 10), (6, 11), (13, 14)
DEEPEST = 20


@dataclass(frozen=True)
class Port:
    """An input or output: its element type (1 float32, 2 uint8) and its dimensions, None if they are free."""

    kind: int
    shape: tuple[int | None, ...]


def check_graph(path: Path, config: ModelConfig) -> None:
    """Raises FullconvError if model.onnx cannot be read, or does not match the config beside it."""
    inputs, outputs = read_ports(path)
    refuse_external(path)
    if "image" not in inputs or not {"label_map", "scores"} <= outputs.keys():
        raise FullconvError(f"{path}: not a fullconv graph (image → label_map, scores); run `fullconv export`")
    image, scores = (*inputs["image"].shape, *[None] * 4), (*outputs["scores"].shape, *[None] * 4)
    check_counts(path, config, image[3], scores[1])


def check_counts(path: Path, config: ModelConfig, channels: int | None, classes: int | None) -> None:
    """Raises FullconvError if a graph has other numbers of channels or classes than its config.json. None: any
    number."""
    a = config.architecture
    wanted_classes = sum(a.heads.values()) or len(config.classes)
    wanted_channels = a.channels * max(len(a.inputs), 1)
    for what, wanted, found in (("classes", wanted_classes, classes), ("channels", wanted_channels, channels)):
        if found not in (wanted, None):
            raise FullconvError(
                f"{path}: has {found} {what}, but config.json lists {wanted}; restore files from the same model"
            )


def refuse_external(path: Path) -> None:
    """Raises FullconvError if numbers are stored in other files. These could be any file of the machine, and the digest
    that identifies a compiled network would not cover them. fullconv writes one file."""
    with _opened(path) as model:
        nodes = [node for function in _inside(model, FUNCTIONS) for node in _inside(function, NODE_OF_FUNCTION)]
        tensors = [*_inside_each(_inside(model, GRAPH), 0), *(one for node in nodes for one in _of_node(node, 0))]
        if any(field.number in EXTERNAL and (field.wire == BYTES or field.varint) for one in tensors for field in one):
            raise FullconvError(f"{path}: stores parameters in other files; export it as one file")


def _inside_each(graphs: Iterable[Message], depth: int) -> Iterator[Message]:
    """Yields the tensors of graphs and of the graphs inside them."""
    if depth > DEEPEST:
        raise Damaged("graphs are nested too deeply")
    for graph in graphs:
        for field in [field for field in graph if field.wire == BYTES]:
            if field.number == INITIALISER:
                yield graph.inside(field)
            elif field.number == SPARSE:
                yield from (part for number in (1, 2) for part in _inside(graph.inside(field), number))
            elif field.number == NODE:
                yield from _of_node(graph.inside(field), depth)


def _of_node(node: Message, depth: int) -> Iterator[Message]:
    for attribute in _inside(node, ATTRIBUTE):
        for field in [field for field in attribute if field.wire == BYTES]:
            if field.number in ATTRIBUTE_TENSORS:
                yield attribute.inside(field)
            elif field.number in ATTRIBUTE_GRAPHS:
                yield from _inside_each([attribute.inside(field)], depth + 1)


def read_ports(path: Path) -> tuple[dict[str, Port], dict[str, Port]]:
    """Returns (inputs, outputs) by name. Raises FullconvError for a file that is not an ONNX graph, or is
    incomplete."""
    with _opened(path) as model:
        graph = next(_inside(model, GRAPH), None)
        if graph is None:
            raise Damaged("it contains no graph" if model.end else "it is empty")
        fields = list(graph)
        inputs, outputs = ([graph.inside(f) for f in fields if f.number == n] for n in (INPUT, OUTPUT))
        return dict(map(_port, inputs)), dict(map(_port, outputs))


@contextmanager
def _opened(path: Path) -> Iterator[Message]:
    """Yields the whole file as a message. Raises FullconvError if it is not one."""
    try:
        with path.open("rb") as file:
            yield Message(file, 0, file.seek(0, 2))
    except OSError as error:
        raise FullconvError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Damaged as error:
        raise FullconvError(
            f"{path}: damaged, or not an ONNX graph ({error}); copy it again, or run `fullconv export`"
        ) from None


def _inside(message: Message, number: int) -> Iterator[Message]:
    """Yields the messages in the fields with this number. It reads past every field, so that a truncated file is
    noticed."""
    yield from [message.inside(field) for field in message if field.number == number and field.wire == BYTES]


def _port(value: Message) -> tuple[str, Port]:
    name = "".join(value.text(f, LONGEST_NAME) for f in value if f.number == NAME and f.wire == BYTES)
    tensors = [tensor for kind in _inside(value, TYPE) for tensor in _inside(kind, TENSOR)]
    kinds = [field.varint for tensor in tensors for field in tensor if field.number == KIND and field.wire == VARINT]
    shapes = [shape for tensor in tensors for shape in _inside(tensor, SHAPE)]
    dims = [dimension for shape in shapes for dimension in _inside(shape, DIMENSION)]
    return name, Port(kinds[0] if kinds else 0, tuple(_length(dimension) for dimension in dims))


def _length(dimension: Message) -> int | None:
    return next((field.varint for field in dimension if field.number == LENGTH and field.wire == VARINT), None)
