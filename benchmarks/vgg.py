"""voc-fcn8s (VGG-16, random He weights) on one 500x375 picture: pytorch-fcn's way in torch against ours in OpenVINO.

usage: python benchmarks/vgg.py [--rounds 3] [--int8]

Same weights, same answer: the share of equal labels is printed. "plain" is the same graph without
fullconv.models.border, "same" a network padded by 1 instead of 100 and by 3 before fc6 (another answer, at 512x384).
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import nn

from fullconv.exporting import onnx as export
from fullconv.exporting import openvino as openvino_files
from fullconv.models import published
from fullconv.models.fcn import FCN
from fullconv.models.upsampling import Upsampling
from fullconv.prediction.benchmark import peaks
from fullconv.prediction.engines.openvino import OpenVINO
from fullconv.weights.model_files import write_config
from fullconv.weights.tensors import write_tensors

NAME = "voc-fcn8s"


def random_net() -> FCN:
    torch.manual_seed(0)
    net = published.build(NAME).eval()
    for name, value in net.named_parameters():
        if value.ndim == 4 and "upscore" not in name:
            nn.init.normal_(value, 0, math.sqrt(2 / value[0].numel()))
    return net  # type: ignore[return-value]


def same_aligned(net: FCN) -> FCN:
    """The same layers without the wide border: sizes are halved and doubled exactly, so nothing is cropped."""
    net.trunk.conv1_1.padding, net.trunk.fc6.padding = (1, 1), (3, 3)
    for layer in net.modules():
        if isinstance(layer, Upsampling):
            layer.padding = (layer.stride[0] // 2,) * 2
    net.offsets = dict.fromkeys(net.offsets, 0)
    net.multiple_of = 32
    return net


def graph(net: FCN, folder: Path, spared: bool) -> Path:
    """model.onnx of the network, with or without the border computed where the picture reaches."""
    folder.mkdir()
    write_config(folder, published.config(NAME))
    write_tensors(folder / "model.safetensors", net.state_dict())
    with (
        mock.patch("fullconv.weights.checkpoint.load_model", return_value=(net, published.config(NAME))),
        ExitStack() as stack,
    ):
        if not spared:
            stack.enter_context(mock.patch("fullconv.models.border.spare_border"))
        return export.export_onnx(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--int8", action="store_true")
    options = parser.parse_args()
    image = np.random.default_rng(0).integers(0, 255, (1, 375, 500, 3)).astype(np.uint8)
    padded = np.random.default_rng(0).integers(0, 255, (1, 384, 512, 3)).astype(np.uint8)
    eager = random_net()
    print({name: {k: round(v) for k, v in peaks(name).items()} for name in ("fp32", "bf16")}, "GMAC/s")
    with tempfile.TemporaryDirectory() as root, torch.inference_mode(False):
        plain = graph(random_net(), Path(root, "plain"), spared=False)
        spared = graph(random_net(), Path(root, "spared"), spared=True)
        same = graph(same_aligned(random_net()), Path(root, "same"), spared=False)
        runs = {
            "plain fp32": (OpenVINO(plain, "fp32", 1), image),
            "plain bf16": (OpenVINO(plain, "bf16", 1), image),
            "ours fp32": (OpenVINO(spared, "fp32", 1), image),
            "ours bf16": (OpenVINO(spared, "bf16", 1), image),
            "same bf16": (OpenVINO(same, "bf16", 1), padded),
        }
        if options.int8:
            for name, file, photo in (("plain", plain, image), ("ours", spared, image), ("same", same, padded)):
                quantised = openvino_files.write_int8(file.parent, file.parent, [photo])
                runs[f"{name} int8"] = OpenVINO(quantised, "int8", 1), photo
        report(eager, image, runs, options.rounds)


def report(eager: FCN, image: np.ndarray, runs: dict[str, tuple[OpenVINO, np.ndarray]], rounds: int) -> None:
    """In turn, so that a machine whose speed drifts treats all alike."""
    batch = torch.from_numpy(image).permute(0, 3, 1, 2)

    def in_torch() -> np.ndarray:
        with torch.inference_mode():
            return eager.label_map(eager(batch)).numpy()

    work = {"torch eager fp32": in_torch, **{n: lambda e=e, i=i: e.label_maps(i) for n, (e, i) in runs.items()}}
    labels = {name: each() for name, each in work.items()}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, each in work.items():
            start = time.perf_counter()
            each()
            seconds[name].append(time.perf_counter() - start)
    first = labels["torch eager fp32"]
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds["torch eager fp32"], times, strict=True))
        equal = f"{(labels[name] == first).mean():.6f}" if labels[name].shape == first.shape else "another net"
        print(f"{name:<18}{statistics.median(times):7.3f} s  {ratio:5.1f} times as fast  equal labels {equal}")


if __name__ == "__main__":
    main()
