"""CUDA graphs: the kernels of a network are recorded once for each shape, and then started together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fullconv.prediction.getting_ready import getting_ready


class CudaGraphs:
    """A function from tensors to tensors on one GPU. It is recorded for each input shape. The recordings of the most
    recent shapes are kept.

    It is not safe to call from several threads at once, because each recording has its own memory for input and output,
    which the next call overwrites.
    """

    KEPT = 8

    def __init__(self, function: Callable[[Any], Any]) -> None:
        import torch

        self.cuda, self.function = torch.cuda, function
        self.recorded: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, batch: Any) -> Any:
        """Returns the function's result for a batch on the GPU. Copy it before the next call."""
        shape = tuple(batch.shape)
        with self.cuda.device(batch.device):  # streams and graphs belong to the current device
            if shape not in self.recorded:
                with getting_ready():
                    self.recorded[shape] = self._record(batch)
            self.recorded.move_to_end(shape)
            while len(self.recorded) > self.KEPT:
                self.recorded.popitem(last=False)
            graph, given, result = self.recorded[shape]
            given.copy_(batch)
            graph.replay()
            return result

    def _record(self, batch: Any) -> tuple[Any, Any, Any]:
        """Returns (graph, tensor for its input, tensor with its output). The function is run once before, so that the
        libraries can choose kernels."""
        cuda, given = self.cuda, batch.clone()
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            self.function(given)
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            result = self.function(given)
        return graph, given, result
