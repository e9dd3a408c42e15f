"""The bundled network and the paper's on a GPU, beside the same nets in eager float32 and torchvision's fcn_resnet50.

usage: python benchmarks/gpu/speed.py [--json FILE] [--seconds 0.7] [--size 384x512] [--crop 416] [--no-compile]

Every net sees one picture, and then 16 at once. "engine" is what `fullconv predict --engine torch` runs: label maps
from host memory to host memory, kernels recorded as a CUDA graph. The card's own peak is that of a matrix product
and of a 3x3 convolution in torch; a share of it counts two operations a multiply-add. Steps of training are timed, too.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.segmentation import fcn_resnet50

from fullconv.models import published
from fullconv.models.network import Network
from fullconv.prediction.engines.torch import Torch
from fullconv.weights.checkpoint import load_model
from fullconv.weights.model_files import write_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.tensors import write_tensors

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Runs of each way. A CPU, which may have to emulate half precision, only rehearses.
UNCOUNTED, COUNTED = (2, 3) if DEVICE == "cuda" else (1, 1)
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
HALVES = ("bf16", "fp16")


def counts() -> tuple[int, ...]:
    """How many pictures are seen at once: one, and on a GPU many."""
    return (1, 16) if DEVICE == "cuda" else (1,)


def seconds_of(work: Callable[[], Any], seconds: float) -> float:
    """The median of runs that together take `seconds`, after some that do not count."""
    for _ in range(UNCOUNTED):
        work()
    synchronise()
    times: list[float] = []
    while len(times) < COUNTED or sum(times) < seconds:
        start = time.perf_counter()
        work()
        synchronise()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def synchronise() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def peaks(seconds: float) -> dict[str, dict[str, float]]:
    """Tera-operations a second of a matrix product and of a convolution, by precision."""
    side, channels, maps = (8192, 512, 96) if DEVICE == "cuda" else (1024, 64, 48)
    found = {}
    for name, kind in KINDS.items():
        left, right = (torch.randn(side, side, device=DEVICE, dtype=kind) for _ in range(2))
        images = torch.randn(16, channels, maps, maps, device=DEVICE, dtype=kind).to(memory_format=torch.channels_last)
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(DEVICE, kind)
        layer = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode():
            product = 2 * side**3 / seconds_of(lambda a=left, b=right: a @ b, seconds / 2)
            convolved = 2 * layer.weight.numel() * 16 * maps**2
            found[name] = {
                "matrix product": product / 1e12,
                "convolution": convolved / seconds_of(lambda x=images, f=layer: f(x), seconds / 2) / 1e12,
            }
    return found


def voc_fcn8s(folder: Path) -> Path:
    """A model folder of the paper's net with random (He) weights."""
    torch.manual_seed(0)
    net = published.build("voc-fcn8s").eval()
    for name, value in net.named_parameters():
        if value.ndim == 4 and "upscore" not in name:
            nn.init.normal_(value, 0, math.sqrt(2 / value[0].numel()))
    write_config(folder, published.config("voc-fcn8s"))
    write_tensors(folder / "model.safetensors", net.state_dict())
    return folder


def operations(net: Callable[[torch.Tensor], Any], batch: torch.Tensor) -> float:
    """Two for each multiply-add, of one picture."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(batch[:1])
    return float(counter.get_total_flops())


def in_torch(net: Callable[[torch.Tensor], Any], batch: torch.Tensor, kind: torch.dtype, seconds: float) -> float:
    with torch.inference_mode(), torch.autocast(DEVICE, kind, kind != torch.float32):
        return seconds_of(lambda: net(batch), seconds)


def rows_of(
    name: str, folder: Path, size: tuple[int, int], seconds: float, halves: tuple[str, ...] = HALVES
) -> Iterator[dict[str, Any]]:
    """Eager, and as the engine runs it."""
    net: Network = load_model(folder)[0].to(DEVICE)
    for count in counts():
        images = np.random.default_rng(0).integers(0, 255, (count, *size, 3), np.uint8)
        batch = torch.from_numpy(images).to(DEVICE).permute(0, 3, 1, 2)
        each = operations(lambda x: net(x.float()), batch)
        row = {"net": name, "pictures": count, "operations": each}
        eager = lambda x: net.label_map(net(x))  # noqa: E731
        for kind in ("fp32", *halves):
            yield {**row, "way": f"eager {kind}", "seconds": in_torch(eager, batch, KINDS[kind], seconds)}
        for kind in halves:
            engine = Torch(folder, kind, DEVICE)
            yield {
                **row,
                "way": f"engine {kind}",
                "seconds": seconds_of(lambda e=engine, i=images: e.label_maps(i), seconds),
            }


def compiled_row(name: str, folder: Path, size: tuple[int, int], seconds: float) -> dict[str, Any]:
    """torch.compile in bf16, one picture; how long compiling took is told."""
    net = load_model(folder)[0].to(DEVICE, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = torch.randint(0, 255, (16, 3, *size), dtype=torch.uint8, device=DEVICE)
    start = time.perf_counter()
    compiled = torch.compile(net)
    with torch.inference_mode(), torch.autocast(DEVICE, torch.bfloat16):
        compiled(batch)
        synchronise()
        took = time.perf_counter() - start
    each = operations(lambda x: net(x.float()), batch)
    row = {"net": name, "pictures": 16, "operations": each, "way": "compiled bf16", "compiling": took}
    return {**row, "seconds": in_torch(lambda x: net.label_map(compiled(x)), batch, torch.bfloat16, seconds)}


def torchvision_rows(size: tuple[int, int], seconds: float) -> Iterator[dict[str, Any]]:
    """fcn_resnet50 with random weights, 21 classes, as its documentation runs it, from normalised float32."""
    net = fcn_resnet50(weights=None, weights_backbone=None, num_classes=21).eval().to(DEVICE)
    for count in counts():
        batch = torch.randn(count, 3, *size, device=DEVICE)
        each = operations(net, batch)
        for kind in ("fp32", "bf16"):
            taken = in_torch(lambda x: net(x)["out"].argmax(1), batch, KINDS[kind], seconds)
            row = {"net": "torchvision fcn_resnet50", "pictures": count, "operations": each}
            yield {**row, "way": f"eager {kind}", "seconds": taken}


def training_row(folder: Path, crop: int, batch: int, compiled: bool, seconds: float) -> dict[str, Any]:
    """Steps of AdamW in bf16, channels last, loss at the finest score; nothing read, nothing augmented."""
    net = load_model(folder)[0].to(DEVICE, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4)
    images = torch.randint(0, 255, (batch, 3, crop, crop), device=DEVICE, dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 7, (batch, crop // 4, crop // 4), device=DEVICE)

    def fused(x: torch.Tensor) -> torch.Tensor:
        return net.score_coarsely(net.normalise(x))  # type: ignore[operator, no-any-return]

    run = torch.compile(fused) if compiled else fused

    def step() -> None:
        with torch.autocast(DEVICE, torch.bfloat16):
            scores = run(images)
        nn.functional.cross_entropy(scores.float(), labels).backward()
        optimiser.step()
        optimiser.zero_grad()

    start = time.perf_counter()
    step()
    synchronise()
    took = time.perf_counter() - start
    way = f"training {'compiled' if compiled else 'eager'} bf16, crops of {crop}"
    return {"net": "photos", "pictures": batch, "way": way, "first": took, "seconds": seconds_of(step, seconds)}


class Report:
    """Prints each row as it comes, and keeps all in a file, so that a run that is stopped leaves what it has."""

    def __init__(self, highest: dict[str, dict[str, float]], card: str, file: Path | None) -> None:
        self.highest, self.card, self.file = highest, card, file
        self.rows: list[dict[str, Any]] = []
        rounded = {kind: {name: round(v, 1) for name, v in values.items()} for kind, values in highest.items()}
        print(rounded, "TFLOP/s", flush=True)

    def add(self, work: Callable[[], Iterable[dict[str, Any]]]) -> None:
        """The rows of a piece of work; where it fails the rest is timed all the same."""
        try:
            for row in work():
                self.rows.append(row)
                print(self.line(row), flush=True)
                if self.file:
                    values = {"card": self.card, "peaks": self.highest, "rows": self.rows}
                    self.file.write_text(json.dumps(values, indent=1))
        except Exception as error:
            print(f"failed: {type(error).__name__}: {error}", flush=True)

    def line(self, row: dict[str, Any]) -> str:
        """Photos a second, the ratios to the same net in eager float32 and to torchvision's, the share of the peak."""
        speed = row["pictures"] / row["seconds"]
        line = f"{row['net']:<26}{row['way']:<36}{row['pictures']:>3} {row['seconds'] * 1000:9.2f} ms {speed:9.1f}/s"
        alike = [r for r in self.rows if r["pictures"] == row["pictures"] and r["way"] == "eager fp32"]
        for name, peer in (("its eager fp32", row["net"]), ("fcn_resnet50 fp32", "torchvision fcn_resnet50")):
            line += "".join(f" {r['seconds'] / row['seconds']:6.2f}x {name}" for r in alike if r["net"] == peer)
        if "operations" in row:
            highest = max(self.highest[row["way"].split()[-1]].values())
            line += f" {row['operations'] * speed / 1e12 / highest:6.1%} of the peak"
        return line + "".join(f", {key} {row[key]:.1f} s" for key in ("first", "compiling") if key in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--size", default="384x512")
    parser.add_argument("--crop", type=int, default=416)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    card = torch.cuda.get_device_name() if DEVICE == "cuda" else "a processor"
    print(f"{card}, torch {torch.__version__}, pictures of {width}x{height}", flush=True)
    report = Report(peaks(options.seconds), card, options.json)
    size, seconds, bundled = (height, width), options.seconds, find_model("photos")
    with tempfile.TemporaryDirectory() as root:
        report.add(lambda: torchvision_rows(size, seconds))
        report.add(lambda: rows_of("photos", bundled, size, seconds))
        halves = HALVES if DEVICE == "cuda" else ()  # without instructions for it, a picture takes 50 seconds
        report.add(lambda: rows_of("voc-fcn8s", voc_fcn8s(Path(root)), size, seconds, halves))
        for compiled in (False, True)[: 1 if options.no_compile else 2]:
            report.add(lambda c=compiled: [training_row(bundled, options.crop, options.batch, c, seconds)])
        if not options.no_compile:
            report.add(lambda: [compiled_row("photos", bundled, size, seconds)])


if __name__ == "__main__":
    main()
