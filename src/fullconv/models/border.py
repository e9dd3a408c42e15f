"""Computes a wide border of zeros around the picture only where the picture has an influence.

The paper pads by 100 pixels. Far from the picture, each map then holds one value per channel, which follows from the
parameters. Along the edge of the frame, it holds what a frame without a picture holds. The early stages therefore run
on the picture with only as much border as it influences, and on a small empty frame. Together, the two give the map of
the whole frame.

Near the picture, maps are stored as the difference from the far value. Padding with zeros then means that the far value
continues forever: with bias b' = b + W·far, conv(x) = W·(x - far) + b', and the next far value is relu(b').
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.models.geometry import through
from fullconv.models.layered import LayeredTrunk
from fullconv.models.network import Network
from fullconv.models.vgg import STAGES as VGG

STAGES = 4  # of VGG's five; in conv5 the picture influences everything


def spare_border(network: Network) -> Network:
    """Returns the network with each widely padded VGG trunk in this form (same parameters). Other trunks stay as they
    are."""
    for name, child in network.named_children():
        if isinstance(child, LayeredTrunk) and "conv5_3" in dict(child.named_children()):
            setattr(network, name, BorderedTrunk(child))
    return network


class BorderedTrunk(nn.Module):
    """Computes the maps of a VGG trunk with less arithmetic, equal except for rounding. Its parameters must not
    change."""

    def __init__(self, trunk: LayeredTrunk) -> None:
        super().__init__()
        self.trunk, self.channels, self.taps = trunk, trunk.channels, trunk.taps
        layers = list(trunk.named_children())
        ends = [i + 1 for i, (_, layer) in enumerate(layers) if isinstance(layer, nn.MaxPool2d)][:STAGES]
        self.stages = [dict(layers[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
        self.rest = layers[ends[-1] :]
        self.padding = int(cast(nn.Conv2d, layers[0][1]).padding[0])
        self.skipped = [photo_free([layer for _, layer in layers[: end - 1]], self.padding) for end in ends]
        self.hold_far_values()
        self.edges = [0]  # positions after each stage that the edge of the frame influences: one more per convolution
        for stage in range(1, STAGES + 1):
            self.edges.append((self.edges[-1] + VGG[stage][0]) // 2 + 1)

    def hold_far_values(self) -> None:
        """Stores beside the bias of each convolution its output far from the picture, b'."""
        first = next(iter(self.stages[0].values()))
        far = cast(Tensor, first.weight).new_zeros(cast(nn.Conv2d, first).in_channels)
        for stage in self.stages:
            for name, layer in stage.items():
                if isinstance(layer, nn.Conv2d):
                    there = (cast(Tensor, layer.bias) + layer.weight.sum((2, 3)) @ far).detach()
                    self.register_buffer(f"{name}_far", there, persistent=False)
                    far = F.relu(there)

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        near, empty, skipped, features = image, image.new_zeros(1, image.shape[1], 1, 1), self.padding - 1, {}
        for stage, skip, edge, next_edge in zip(self.stages, self.skipped, self.edges, self.edges[1:], strict=False):
            # after pooling: both edges and one more
            frame = [4 * next_edge + 2 + length % 2 for length in near.shape[-2:]]
            near, empty = self.run_stage(stage, skipped - skip, near, stretched(empty, frame, edge))
            skipped = skip // 2
            stride = self.taps.get(list(stage)[-1])
            if stride or stage is self.stages[-1]:
                x = F.pad(near, [skipped] * 4)
                x = x + stretched(empty, list(x.shape[-2:]), next_edge)
                features.update({stride: x} if stride else {})
        for name, layer in self.rest:
            x = layer(x)
            if name in self.taps:
                features[self.taps[name]] = x
        return features

    def run_stage(self, layers: dict[str, nn.Module], wider: int, near: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
        """Runs convolutions, each with a ReLU, and then the pooling. `near` grows by `wider` positions on each side: by
        one at each convolution, which sees one further, and by the rest at the last."""
        convolutions = [name for name, layer in layers.items() if isinstance(layer, nn.Conv2d)]
        for name in convolutions:
            layer, there = cast(nn.Conv2d, layers[name]), self.get_buffer(f"{name}_far")
            more = wider if name == convolutions[-1] else 1
            near = F.relu(F.conv2d(near, layer.weight, there, padding=1 + more)) - F.relu(there)[:, None, None]
            empty = F.relu(F.conv2d(empty, layer.weight, layer.bias, padding=1))
            wider -= more
        pool = list(layers.values())[-1]
        return pool(near), pool(empty)


def stretched(empty: Tensor, size: list[int], edge: int) -> Tensor:
    """Enlarges `empty` to `size`: between the edges, it is the same everywhere."""
    for dim, length in zip((2, 3), size, strict=True):
        before, middle, rest = torch.split(empty, [edge, 1, empty.shape[dim] - edge - 1], dim)
        shape = list(empty.shape)
        shape[dim] = length - 2 * edge
        empty = torch.cat([before, middle.expand(shape), rest.narrow(dim, rest.shape[dim] - edge, edge)], dim)
    return empty


def photo_free(layers: list[nn.Module], padding: int) -> int:
    """Returns how many positions on each side see nothing of a picture of any size. It is even, because pooling
    follows."""
    seen = through(layers)
    before = -seen.last / seen.stride
    after = (2 * padding - 1 + seen.first) / seen.stride
    # one is left on each side for a last pooling window that extends outside
    return (int(min(before, after)) - 1) // 2 * 2
