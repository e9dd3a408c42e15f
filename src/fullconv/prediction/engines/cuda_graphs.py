"""CUDA graphs: the kernels of a network recorded once for each shape, then started together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class CudaGraphs:
    """A function from tensors to tensors of one GPU, recorded for each shape that comes, the last few kept.

    Not safe to call from several threads at once: a recording owns the memory of its input and of its output, which
    the next call overwrites.
    """

    KEPT = 8

    def __init__(self, function: Callable[[Any], Any]) -> None:
        import torch

        self.cuda, self.function = torch.cuda, function
        self.recorded: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, batch: Any) -> Any:
        """The function's value for a batch on the GPU; to be copied before the next call."""
        shape = tuple(batch.shape)
        with self.cuda.device(batch.device):  # streams and graphs belong to the current one
            if shape not in self.recorded:
                self.recorded[shape] = self._record(batch)
            self.recorded.move_to_end(shape)
            while len(self.recorded) > self.KEPT:
                self.recorded.popitem(last=False)
            graph, given, result = self.recorded[shape]
            given.copy_(batch)
            graph.replay()
            return result

    def _record(self, batch: Any) -> tuple[Any, Any, Any]:
        """(graph, where its input lies, where its output lies), after a run that lets the libraries choose kernels."""
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
