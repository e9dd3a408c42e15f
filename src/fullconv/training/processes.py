"""One training run in several processes: each works on its share of every batch, and together they take one step."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from torch import Tensor


def new_accelerator(precision: str) -> Accelerator:
    """Returns a new accelerator. Accelerate keeps the precision of the first run in a process; here each run has its
    own."""
    AcceleratorState._reset_state()
    return Accelerator(cpu=only_cpu(), mixed_precision=mixed_precision(precision), step_scheduler_with_optimizer=False)


def only_cpu() -> bool:
    """Whether to run on CPUs only. Otherwise, Accelerate would run processes on CPUs independently of each other."""
    return not torch.accelerator.is_available()


def mixed_precision(precision: str) -> str:
    """Returns the precision. `auto` is bf16 if the processor or GPU multiplies in it, otherwise float32, which is
    faster there."""
    if precision == "auto":
        if torch.cuda.is_available():
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return "bf16" if fast else "no"
    return {"fp32": "no"}.get(precision, precision)


def over_processes(sums: Tensor) -> Tensor:
    """Adds up the sums of all processes. The gradient is that of this process's part.

    A loss computed from such sums is the same number in every process. The gradients of all processes add up to what
    one process would get for the whole batch.
    """
    if not is_shared():
        return sums
    total = sums.detach().clone()
    dist.all_reduce(total)
    return sums + (total - sums.detach())


def is_shared() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank_and_count() -> tuple[int, int]:
    """Returns the number of this process, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if is_shared() else (0, 1)


def is_main() -> bool:
    """Whether this is the first process, or the only one."""
    return bool(PartialState(cpu=only_cpu()).is_main_process)


@contextmanager
def main_first() -> Iterator[bool]:
    """The first process runs the block before the others. Yields whether this process is the first."""
    state = PartialState(cpu=only_cpu())
    try:
        yield state.is_main_process
    finally:
        state.wait_for_everyone()


def end_with_parent(worker: int) -> None:
    """In worker number `worker`: it ends when the process that trains dies, however that dies. torch itself looks for
    the process that started the worker, which with the start method forkserver is another one, and lives on."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
