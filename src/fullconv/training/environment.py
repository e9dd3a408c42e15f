"""Records what a run depends on besides recipe, data and weights: libraries and machine."""

from __future__ import annotations

import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from fullconv import __version__
from fullconv.processors import PROCESSORS

LIBRARIES = ("torch", "torchvision", "timm", "accelerate", "safetensors", "numpy", "pillow", "openvino", "onnx")


def environment() -> dict[str, Any]:
    """Versions, processor, threads, GPU."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cpus": PROCESSORS,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "fullconv": __version__,
        **{library: _version(library) for library in LIBRARIES},
    }


def command_line() -> str:
    """Returns the command as the user would type it."""
    program = Path(sys.argv[0])
    words = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return shlex.join([*words, *sys.argv[1:]])


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
