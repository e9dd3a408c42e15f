"""What model.onnx says of itself, read by seeking: a damaged file, or another model's, is told before it is run.

Numbers are those of onnx.proto3 (github.com/onnx/onnx): ModelProto, GraphProto, ValueInfoProto, TypeProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.weights.protobuf import BYTES, VARINT, Damaged, Message

GRAPH, INPUT, OUTPUT = 7, 11, 12
NAME, TYPE, TENSOR, KIND, SHAPE, DIMENSION, LENGTH = 1, 2, 1, 1, 2, 1, 1
LONGEST_NAME = 1000


@dataclass(frozen=True)
class Port:
    """An input or an output: its element type (1 float32, 2 uint8), and its dimensions, None where they are free."""

    kind: int
    shape: tuple[int | None, ...]


def check_graph(path: Path, config: ModelConfig) -> None:
    """Raises FullconvError where model.onnx cannot be read, or is not that of the config beside it."""
    inputs, outputs = read_ports(path)
    if "image" not in inputs or not {"label_map", "scores"} <= outputs.keys():
        raise FullconvError(f"{path}: not a graph of fullconv's (image → label_map, scores); run `fullconv export`")
    image, scores = (*inputs["image"].shape, *[None] * 4), (*outputs["scores"].shape, *[None] * 4)
    check_counts(path, config, image[3], scores[1])


def check_counts(path: Path, config: ModelConfig, channels: int | None, classes: int | None) -> None:
    """Raises FullconvError where a graph gives or takes another number than its config.json names; None may be any."""
    a = config.architecture
    wanted_classes = sum(a.heads.values()) or len(config.classes)
    wanted_channels = a.channels * max(len(a.inputs), 1)
    for what, wanted, found in (("classes", wanted_classes, classes), ("channels", wanted_channels, channels)):
        if found not in (wanted, None):
            raise FullconvError(
                f"{path}: has {found} {what}, but config.json names {wanted}; bring back the files of one model"
            )


def read_ports(path: Path) -> tuple[dict[str, Port], dict[str, Port]]:
    """(inputs, outputs) by name. Raises FullconvError for a file that is no ONNX graph, or not a whole one."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            graph = next(_inside(Message(file, 0, size), GRAPH), None)
            if graph is None:
                raise Damaged("no graph in it" if size else "it is empty")
            fields = list(graph)
            inputs, outputs = ([graph.inside(f) for f in fields if f.number == n] for n in (INPUT, OUTPUT))
            return dict(map(_port, inputs)), dict(map(_port, outputs))
    except OSError as error:
        raise FullconvError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Damaged as error:
        raise FullconvError(
            f"{path}: damaged, or no ONNX graph ({error}); copy it again, or run `fullconv export`"
        ) from None


def _inside(message: Message, number: int) -> Iterator[Message]:
    """The messages that the fields of a number hold. Every field is passed over, so that a cut shows."""
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
