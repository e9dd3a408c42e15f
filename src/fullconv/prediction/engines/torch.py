"""Runs a network in torch, on the CPU or on a GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, argument, missing_extra
from fullconv.prediction import memory
from fullconv.prediction.engines.contract import BYTES_A_PIXEL, Images
from fullconv.prediction.engines.cuda_graphs import CudaGraphs


class Torch:
    """Runs model.safetensors on the CPU or a GPU. On a GPU, CUDA graphs are kept for the most recent shapes."""

    name = "torch"

    def __init__(self, folder: Path, precision: str, device: str | None, threads: int | None = None) -> None:
        try:
            import torch

            from fullconv.models.border import spare_border
            from fullconv.weights.checkpoint import load_model
        except ImportError:
            raise missing_extra("torch", "train") from None
        if precision == "int8":
            raise FullconvError(
                f"{argument('precision', precision)}: torch supports fp32, bf16 and fp16 here; "
                f"use {argument('engine', 'openvino')}"
            )
        if threads:
            torch.set_num_threads(threads)
        self.torch = torch
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.on_gpu = self.device.startswith("cuda")
        if self.on_gpu and int(self.device.partition(":")[2] or 0) >= torch.cuda.device_count():
            raise FullconvError(
                f"{argument('device', device)}: no such CUDA device here; remove {argument('device')} to use the CPU"
            )
        self.precision = self._fastest() if precision == "auto" else precision
        network = spare_border(load_model(folder)[0])
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.labels = CudaGraphs(self._labels) if self.on_gpu else self._labels
        self.lock = threading.Lock() if self.on_gpu else nullcontext()

    def _fastest(self) -> str:
        if self.on_gpu:
            return "bf16" if self.torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return "bf16" if self.torch.cpu._is_amx_tile_supported() else "fp32"

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        with self.lock:
            return self.labels(self.torch.from_numpy(images).to(self.device)).cpu().numpy()

    def scores(self, images: Images) -> NDArray[np.float32]:
        with self.lock:
            return self._run(self.network, self.torch.from_numpy(images).to(self.device)).float().cpu().numpy()

    def room(self, channels: int = 3, scores: bool = False) -> int:
        free = self.torch.cuda.mem_get_info(self.device)[0] // memory.SHARE if self.on_gpu else memory.budget()
        return int(free / BYTES_A_PIXEL)

    def _labels(self, batch: Any) -> Any:
        return self._run(self.network.labels, batch)

    def _run(self, function: Callable[[Any], Any], batch: Any) -> Any:
        """Calls a function of the network with a batch (N, H, W, channels) on the device, in the chosen precision."""
        kind, half = self.device.split(":")[0], {"bf16": self.torch.bfloat16, "fp16": self.torch.float16}
        kernels = half.get(self.precision)
        with self.torch.inference_mode(), self.torch.autocast(kind, kernels, kernels is not None, cache_enabled=False):
            return function(batch.permute(0, 3, 1, 2))
