"""Which engine runs a model folder, and on which of its files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.engines.onnxruntime import OnnxRuntime
from fullconv.prediction.engines.openvino import OpenVINO, check_ir
from fullconv.prediction.engines.torch import Torch
from fullconv.weights.folder import GRAPH, INT8, IR, PARAMETERS, read_config
from fullconv.weights.onnx_file import check_graph

ENGINES = ("auto", "openvino", "torch", "onnxruntime")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")


def open_engine(
    folder: Path,
    engine: str = "auto",
    precision: str = "auto",
    device: str | None = None,
    streams: int = 1,
    fixed: bool = True,
    threads: int | None = None,
) -> Engine:
    """The engine for a model folder; `streams` is how many images will be in flight at once, `threads` how many
    processors they may keep busy together, None for all.

    `fixed`: sizes repeat, since they are multiples of 32, and each is worth compiling for.
    """
    chosen = choose(folder, device) if engine == "auto" else engine
    _check(precision, PRECISIONS, "--precision")
    if chosen == "openvino":
        return OpenVINO(graph_for(folder, precision), precision, streams, fixed, threads)
    if chosen == "onnxruntime":
        return OnnxRuntime(_existing(folder / GRAPH), precision, streams, threads)
    if chosen == "torch":
        return Torch(_existing(folder / PARAMETERS).parent, precision, device, threads)
    raise FullconvError(f"--engine {engine}: no such engine; choose among {', '.join(ENGINES)}")


def choose(folder: Path, device: str | None) -> str:
    """torch on an NVIDIA GPU where it is installed, or where there is no OpenVINO or no graph for it; else OpenVINO."""
    wants_gpu = device.startswith("cuda") if device else Path("/dev/nvidiactl").exists()
    can_torch = find_spec("torch") is not None and (folder / PARAMETERS).exists()
    can_openvino = find_spec("openvino") is not None and any((folder / name).exists() for name in (GRAPH, IR, INT8))
    return "torch" if can_torch and (wants_gpu or not can_openvino) else "openvino"


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
    if path.suffix == ".onnx":
        check_graph(path, read_config(path.parent))
    elif path.suffix == ".xml":
        check_ir(path, read_config(path.parent))
    return path


def _remedy(missing: Path) -> str:
    if missing.name != GRAPH:
        return "choose another --engine"
    if not (missing.parent / PARAMETERS).is_file():
        return f"nor is there {PARAMETERS} to make it of; copy the model folder again"
    return f"run `fullconv export {missing.parent}` where torch is (pip install 'fullconv[train,export]')"


def _check(value: str, choices: tuple[str, ...], flag: str) -> None:
    if value not in choices:
        raise FullconvError(f"{flag} {value}: choose among {', '.join(choices)}")
