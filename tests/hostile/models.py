"""Model folders of a stranger's: each function fills a folder with a graph of its own and a config.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Build = Callable[[Path], object]
HUGE, DEEP = 10**12, "[" * 10**5
CLASSES = 3
NAMES = {"names": ["background", "cat", "dog"], "colours": [[0, 0, 0], [64, 0, 0], [64, 0, 128]], "void": 255}
CONFIG: dict[str, Any] = {
    "format": 2, "input": "uint8", "name": "stranger", "classes": NAMES, "longest_side": 512, "window": [-8, 8],
    "architecture": {"trunk": "resnet18", "stride": 8},
    "normalisation": {"mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]},
}  # fmt: skip


def folder(
    root: Path, *, label: int = 0, scores: Sequence[float] = (1.0, 0.0, 0.0), stretch: int = 1,
    kind: int = TensorProto.UINT8, count: int = CLASSES, text: str | None = None, **changed: Any,
) -> Path:  # fmt: skip
    """A model that labels every pixel alike; `changed` are keys of config.json, `text` is all of it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.json").write_text(json.dumps({**CONFIG, **changed}) if text is None else text)
    onnx.save(graph(label, list(scores)[:count] + [0.0] * (count - len(scores)), stretch, kind), root / "model.onnx")
    return root


def graph(label: int, scores: Sequence[float], stretch: int, kind: int) -> onnx.ModelProto:
    """image (N, H, W, 3) → label_map (N, H / stretch, W / stretch), scores (N, classes, …)."""
    size = ["N", "H", "W"]
    constants = [
        numpy_helper.from_array(np.array([label], np.int64), "label"),
        numpy_helper.from_array(np.array(scores, np.float32).reshape(1, -1, 1, 1), "score"),
        numpy_helper.from_array(np.array([0], np.int64), "zero"),
        numpy_helper.from_array(np.array([3], np.int64), "three"),
        numpy_helper.from_array(np.array([1, stretch, stretch], np.int64), "stretch"),
    ]
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "three", "zero"], ["wide"]),
        helper.make_node("Div", ["wide", "stretch"], ["size"]),
        helper.make_node("Expand", ["label", "size"], ["labels"]),
        helper.make_node("Cast", ["labels"], ["label_map"], to=kind),
        helper.make_node("Cast", ["labels"], ["nothing"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["nothing", "float_zero"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "one"], ["plane"]),
        helper.make_node("Add", ["plane", "score"], ["scores"]),
    ]
    constants += [
        numpy_helper.from_array(np.zeros(1, np.float32), "float_zero"),
        numpy_helper.from_array(np.array([1], np.int64), "one"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [*size, 3])
    outputs = [
        helper.make_tensor_value_info("label_map", kind, None),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(scores), "h", "w"]),
    ]
    made = helper.make_graph(nodes, "stranger", [image], outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def external(root: Path, location: str) -> None:
    """Scores that lie in another file."""
    folder(root)
    model = onnx.load(root / "model.onnx")
    tensor = next(one for one in model.graph.initializer if one.name == "score")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    if "/" not in location:
        (root / location).write_bytes(np.array([1, 0, 0], np.float32).tobytes())
    onnx.save(model, root / "model.onnx")


def with_graph(root: Path, content: bytes) -> None:
    folder(root)
    (root / "model.onnx").write_bytes(content)


def cut(root: Path) -> None:
    folder(root)
    content = (root / "model.onnx").read_bytes()
    (root / "model.onnx").write_bytes(content[: len(content) // 2])


def without(root: Path, key: str) -> None:
    folder(root, text=json.dumps({name: value for name, value in CONFIG.items() if name != key}))


def classes(**changed: Any) -> dict[str, Any]:
    return {"classes": {**NAMES, **changed}}


def net(**changed: Any) -> dict[str, Any]:
    return {"architecture": {**CONFIG["architecture"], **changed}}


def levels(**changed: Any) -> dict[str, Any]:
    return {"normalisation": {**CONFIG["normalisation"], **changed}}


VALUES: dict[str, dict[str, Any]] = {
    "name-empty": {"name": ""},
    "name-number": {"name": 5},
    "name-null": {"name": None},
    "name-long": {"name": "x" * 10**6},
    "name-escapes": {"name": "a\x1b[31m"},
    "name-surrogate": {"name": "\ud800"},
    "format-huge": {"format": HUGE},
    "format-list": {"format": [2]},
    "side-zero": {"longest_side": 0},
    "enlarge-huge": {"enlarge_to": HUGE},
    "enlarge-negative": {"enlarge_to": -5},
    "enlarge-beyond": {"enlarge_to": 513},
    "enlarge-text": {"enlarge_to": "384"},
    "side-negative": {"longest_side": -5},
    "side-huge": {"longest_side": HUGE},
    "side-text": {"longest_side": "512"},
    "side-fraction": {"longest_side": 0.5},
    "side-true": {"longest_side": True},
    "side-infinite": {"longest_side": 1e400},
    "window-reversed": {"window": [8, -8]},
    "window-huge": {"window": [-HUGE, HUGE]},
    "window-one": {"window": [1]},
    "window-text": {"window": "ab"},
    "names-twice": classes(names=["a", "a", "b"]),
    "names-number": classes(names=5),
    "names-few": classes(names=["a"]),
    "names-empty": classes(names=["", "a", "b"]),
    "names-escapes": classes(names=["\x1b[31m", "a", "b"]),
    "names-surrogate": classes(names=["\ud800", "a", "b"]),
    "names-lists": classes(names=[[], [], []]),
    "names-many": classes(names=[f"c{i}" for i in range(300)]),
    "void-class": classes(void=1),
    "void-huge": classes(void=HUGE),
    "void-negative": classes(void=-1),
    "colours-huge": classes(colours=[[0, 0, 0], [HUGE, 0, 0], [1, 1, 1]]),
    "colours-short": classes(colours=[[0, 0, 0], [1, 1], [1, 1, 1]]),
    "colours-alike": classes(colours=[[0, 0, 0]] * 3),
    "colours-text": classes(colours="abc"),
    "classes-list": {"classes": []},
    "classes-null": {"classes": None},
    "mean-short": levels(mean=[1.0]),
    "mean-nan": levels(mean=[float("nan")] * 3),
    "mean-text": levels(mean=["a"] * 3),
    "std-zero": levels(std=[0, 1, 1]),
    "std-negative": levels(std=[-1, 1, 1]),
    "std-infinite": levels(std=[1e400, 1, 1]),
    "std-empty": levels(std=[]),
    "mean-empty": levels(mean=[], std=[]),
    "order-twice": levels(order=[0, 0, 0]),
    "order-huge": levels(order=[HUGE, 1, 2]),
    "stride-odd": net(stride=7),
    "stride-zero": net(stride=0),
    "stride-text": net(stride="8"),
    "family": net(family="x"),
    "alignment": net(alignment="x"),
    "channels-zero": net(channels=0),
    "channels-huge": net(channels=HUGE),
    "channels-other": net(channels=4),
    "heads-huge": net(heads={"a": HUGE}),
    "heads-zero": net(heads={"a": 0}),
    "heads-other": net(heads={"a": 3, "b": 5}),
    "inputs-many": net(inputs=["a"] * 10**5),
    "trunk-escapes": net(trunk="a\x1b[31m"),
    "kernel-negative": net(last_kernel=-1),
    "kernel-huge": net(last_kernel=HUGE),
    "hidden-huge": net(score_hidden=HUGE),
    "architecture-text": {"architecture": "fcn8s"},
    "key-unknown": {"surprise": 1},
    "key-escapes": {"\x1b[31m": 1},
    "range-reversed": {"range": [[5, 1]]},
    "range-nan": {"range": [[float("nan"), 1]]},
    "range-two": {"range": [[0, 1], [0, 1]]},
    "range-text": {"range": "0,1"},
    "mapping-list": {"label_mapping": [1]},
    "reduces-text": {"reduces_rasters": "yes"},
}

REFUSED: dict[str, Build] = {
    **{f"value-{name}": lambda root, changed=changed: folder(root, **changed) for name, changed in VALUES.items()},
    **{f"lacks-{key}": lambda root, key=key: without(root, key) for key in ("format", "name", "classes", "architecture",
                                                                          "normalisation")},
    **{f"text-{name}": lambda root, text=text: folder(root, text=text) for name, text in {
        "empty": "", "list": "[]", "deep": DEEP, "digits": "9" * 10**5, "null": "null", "cut": '{"format": 2'}.items()},
    "graph-empty": lambda root: with_graph(root, b""),
    "graph-zeros": lambda root: with_graph(root, bytes(10**5)),
    "graph-text": lambda root: with_graph(root, b"<net name='x' version='11'/>"),
    "graph-random": lambda root: with_graph(root, np.random.default_rng(0).bytes(10**5)),
    "graph-foreign": lambda root: with_graph(
        root, helper.make_model(helper.make_graph([], "x", [], [])).SerializeToString()
    ),
    "graph-cut": cut,
    "external-absolute": lambda root: external(root, "/etc/passwd"),
    "external-dots": lambda root: external(root, "../../etc/passwd"),
    "external-inside": lambda root: external(root, "weights.bin"),
    "labels-beyond": lambda root: folder(root, label=7),
    "labels-half-size": lambda root: folder(root, stretch=2),
    "labels-long": lambda root: folder(root, kind=TensorProto.INT64),
    "classes-few": lambda root: folder(root, count=2),
    "classes-many": lambda root: folder(root, count=9),
}  # fmt: skip
WITH_SCORES: dict[str, Build] = {
    "scores-nan": lambda root: folder(root, scores=(float("nan"), 0, 0)),
    "scores-infinite": lambda root: folder(root, scores=(float("inf"), 0, 0)),
    "scores-half-size": lambda root: folder(root, stretch=2),
}
