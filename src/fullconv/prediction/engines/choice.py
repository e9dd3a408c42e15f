"""Chooses the engine that runs a model folder, and the file that it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fullconv.errors import FullconvError, UnknownValue, argument, suggestion
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.engines.forked import begin
from fullconv.prediction.engines.onnxruntime import OnnxRuntime
from fullconv.prediction.engines.openvino import OpenVINO, check_ir, files_of
from fullconv.prediction.engines.torch import Torch
from fullconv.weights.model_files import CONFIG, GRAPH, INT8, IR, PARAMETERS
from fullconv.weights.model_folder import ModelFolder
from fullconv.weights.no_model import nothing_to_run
from fullconv.weights.onnx_file import check_graph
from fullconv.words import pasted

ENGINES = ("auto", "openvino", "torch", "onnxruntime")
CPU = "cpu"  # every engine runs on it
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")


@dataclass(frozen=True)
class Choice:
    """The user's choice of engine, precision and device."""

    engine: str = "auto"
    precision: str = "auto"
    device: str | None = None

    def check(self, folder: Path) -> str:
        """Returns the name of the engine for a model folder, without importing a heavy library. Raises FullconvError
        for an impossible choice."""
        _check("engine", self.engine, ENGINES)
        _check("precision", self.precision, PRECISIONS)
        chosen = choose(folder, self.device) if self.engine == "auto" else self.engine
        _check_device(self.device, chosen)
        return chosen


def open_engine(folder: ModelFolder, choice: Choice, streams: int = 1, threads: int | None = None) -> Engine:
    """Opens the engine for a model folder.

    `streams`: how many images will be processed at once. `threads`: how many processors they may use together, None
    for all. Raises FullconvError if the choice is impossible or files are missing, and ModelError if they are damaged.
    """
    chosen = choice.check(folder.path)
    begin()
    if chosen == "openvino":
        return _openvino(folder, choice.precision, streams, threads)
    if chosen == "onnxruntime":
        graph = _existing(folder.path / GRAPH)
        check_graph(graph, folder.config)
        return OnnxRuntime(graph, choice.precision, streams, threads)
    return Torch(_existing(folder.path / PARAMETERS).parent, choice.precision, choice.device, threads)


def identity_of(folder: ModelFolder, engine: Engine) -> dict[str, str]:
    """Returns what labels depend on besides the picture: the engine, its precision, and digests of the files that it
    reads."""
    network = PARAMETERS if engine.name == "torch" else graph_for(folder.path, engine.precision).name
    digests = folder.digests_of((CONFIG, *files_of(folder.path / network)))
    return {"model": folder.path.name, **digests, "engine": engine.name, "precision": engine.precision}


def _openvino(folder: ModelFolder, precision: str, streams: int, threads: int | None) -> Engine:
    """Opens OpenVINO. The graph is checked against config.json, unless the same files were compiled before."""
    graph = graph_for(folder.path, precision)
    content = folder.content((CONFIG, *files_of(graph)))
    engine = OpenVINO(graph, precision, streams, threads, content)
    if not engine.cache.is_there:
        check_ir(graph, folder.config) if graph.suffix == ".xml" else check_graph(graph, folder.config)
    return engine


def choose(folder: Path, device: str | None) -> str:
    """Returns "torch" if `device` is a GPU, or if it is None and there are an NVIDIA GPU and torch. Otherwise returns
    "openvino", unless only torch is possible: OpenVINO is not installed, or the folder contains no graph."""
    can_torch = find_spec("torch") is not None and (folder / PARAMETERS).exists()
    on_gpu = device != CPU if device else Path("/dev/nvidiactl").exists() and can_torch
    can_openvino = find_spec("openvino") is not None and any((folder / name).exists() for name in (GRAPH, IR, INT8))
    return "torch" if on_gpu or (can_torch and not can_openvino) else "openvino"


def graph_for(folder: Path, precision: str) -> Path:
    """Returns the file that OpenVINO reads: model_int8.xml for int8, otherwise model.onnx, or model.xml if that is
    missing. Raises FullconvError if there is none."""
    if precision == "int8":
        if not (folder / INT8).is_file():
            raise FullconvError(
                f"{folder / INT8}: missing; run `fullconv export {pasted(folder)} --to openvino --int8 --data DATA`"
            )
        return _existing(folder / INT8)
    return _existing(folder / IR if (folder / IR).is_file() and not (folder / GRAPH).is_file() else folder / GRAPH)


def _existing(path: Path) -> Path:
    """Returns the path. Raises FullconvError if there is no such file."""
    if not path.is_file():
        raise nothing_to_run(path.parent, f"{path}: missing; {_remedy(path)}")
    return path


def _remedy(missing: Path) -> str:
    if missing.name != GRAPH:
        return f"choose another {argument('engine')}"
    if (missing.parent / INT8).is_file():
        return f"{INT8} is there; add {argument('precision', 'int8')} to use it"
    if not (missing.parent / PARAMETERS).is_file():
        return f"and there is no {PARAMETERS} to create it from; copy the model folder again"
    command = f"fullconv export {pasted(missing.parent)}"
    return f"run `{command}` where torch is installed (pip install 'fullconv[train,export]')"


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = suggestion(str(value), choices)
        raise FullconvError(f"{argument(name, value)}: choose from {', '.join(choices)}{near}")


def _check_device(device: str | None, engine: str) -> None:
    if device is None or device == CPU:
        return
    if not re.fullmatch(r"cuda(:\d+)?", str(device)):
        raise UnknownValue(f"{argument('device', device)}: no such device; choose cpu, cuda, or cuda:1 and so on")
    if engine != "torch":
        other = argument("engine", "torch")
        raise FullconvError(f"{argument('device', device)}: {engine} runs only on the CPU; remove it, or use {other}")
