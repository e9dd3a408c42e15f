"""Which engine runs a model folder, and on which of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fullconv.errors import FullconvError, argument, suggestion
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.engines.forked import begin
from fullconv.prediction.engines.onnxruntime import OnnxRuntime
from fullconv.prediction.engines.openvino import KEPT, OpenVINO, check_ir, files_of
from fullconv.prediction.engines.torch import Torch
from fullconv.weights.model_folder import CONFIG, GRAPH, INT8, IR, PARAMETERS, ModelFolder
from fullconv.weights.onnx_file import check_graph

ENGINES = ("auto", "openvino", "torch", "onnxruntime")
CPU = "cpu"  # which every engine runs on
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")


@dataclass(frozen=True)
class Choice:
    """What somebody says of the engine that is to run a model."""

    engine: str = "auto"
    precision: str = "auto"
    device: str | None = None

    def check(self, folder: Path) -> str:
        """The engine's name; no heavy library is imported for it. Raises FullconvError for what cannot be."""
        _check("engine", self.engine, ENGINES)
        _check("precision", self.precision, PRECISIONS)
        chosen = choose(folder, self.device) if self.engine == "auto" else self.engine
        _check_device(self.device, chosen)
        return chosen


def open_engine(
    folder: ModelFolder, choice: Choice, streams: int = 1, threads: int | None = None, kept: int = KEPT
) -> Engine:
    """The engine for a model folder; `streams` is how many images will be in flight at once, `threads` how many
    processors they may keep busy together, None for all; `kept`: how many shapes OpenVINO may compile networks for."""
    chosen = choice.check(folder.path)
    begin()
    if chosen == "openvino":
        return _openvino(folder, choice.precision, streams, threads, kept)
    if chosen == "onnxruntime":
        graph = _existing(folder.path / GRAPH)
        check_graph(graph, folder.config)
        return OnnxRuntime(graph, choice.precision, streams, threads)
    return Torch(_existing(folder.path / PARAMETERS).parent, choice.precision, choice.device, threads)


def identity_of(folder: ModelFolder, engine: Engine) -> dict[str, str]:
    """What labels depend on beside the picture: the engine, and the content of the files that it reads."""
    network = PARAMETERS if engine.name == "torch" else graph_for(folder.path, engine.precision).name
    digests = folder.digests_of((CONFIG, *files_of(folder.path / network)))
    return {"model": folder.path.name, **digests, "engine": engine.name, "precision": engine.precision}


def _openvino(folder: ModelFolder, precision: str, streams: int, threads: int | None, kept: int) -> Engine:
    """The graph is checked against config.json unless these very files were compiled before."""
    graph = graph_for(folder.path, precision)
    repeat = folder.config.architecture.multiple_of > 1  # then sizes do, and some are worth compiling for
    content = folder.content((CONFIG, *files_of(graph)))
    engine = OpenVINO(graph, precision, streams, kept if repeat else 0, threads, content)
    if not engine.cache.is_there:
        check_ir(graph, folder.config) if graph.suffix == ".xml" else check_graph(graph, folder.config)
    return engine


def choose(folder: Path, device: str | None) -> str:
    """torch on an NVIDIA GPU, where it is installed or that was asked for; else OpenVINO; torch also where it is
    installed and there is no OpenVINO, or no graph for it."""
    can_torch = find_spec("torch") is not None and (folder / PARAMETERS).exists()
    on_gpu = device != CPU if device else Path("/dev/nvidiactl").exists() and can_torch
    can_openvino = find_spec("openvino") is not None and any((folder / name).exists() for name in (GRAPH, IR, INT8))
    return "torch" if on_gpu or (can_torch and not can_openvino) else "openvino"


def graph_for(folder: Path, precision: str) -> Path:
    """The file that OpenVINO reads: model_int8.xml for int8, else model.onnx, or model.xml in its absence."""
    if precision == "int8":
        if not (folder / INT8).is_file():
            raise FullconvError(
                f"{folder / INT8}: missing; run `fullconv export {folder} --to openvino --int8 --data DATA`"
            )
        return _existing(folder / INT8)
    return _existing(folder / IR if (folder / IR).is_file() and not (folder / GRAPH).is_file() else folder / GRAPH)


def _existing(path: Path) -> Path:
    """The file, which is there and fits the config.json beside it."""
    if not path.is_file():
        raise FullconvError(f"{path}: missing; {_remedy(path)}")
    return path


def _remedy(missing: Path) -> str:
    if missing.name != GRAPH:
        return f"choose another {argument('engine')}"
    if not (missing.parent / PARAMETERS).is_file():
        return f"and there is no {PARAMETERS} to create it from; copy the model folder again"
    return f"run `fullconv export {missing.parent}` where torch is installed (pip install 'fullconv[train,export]')"


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = suggestion(str(value), choices)
        raise FullconvError(f"{argument(name, value)}: choose from {', '.join(choices)}{near}")


def _check_device(device: str | None, engine: str) -> None:
    if device is None or device == CPU:
        return
    if not re.fullmatch(r"cuda(:\d+)?", str(device)):
        raise FullconvError(f"{argument('device', device)}: no such device; choose cpu, cuda, or cuda:1 and so on")
    if engine != "torch":
        other = argument("engine", "torch")
        raise FullconvError(f"{argument('device', device)}: {engine} runs only on the CPU; remove it, or use {other}")
