"""Random changes of a batch on a GPU, each photo's its own: colours, sharpness, noise, the traces of a JPEG."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

GREY_WEIGHTS = (0.299, 0.587, 0.114)
# Quantisation tables of ITU T.81, annex K.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip


class Draw:
    """Random numbers of one generator on one device."""

    def __init__(self, random: torch.Generator, device: torch.device) -> None:
        self.random, self.device = random, device

    def between(self, low: float, high: float, count: int) -> Tensor:
        return torch.rand(count, generator=self.random, device=self.device) * (high - low) + low

    def some(self, share: float, count: int) -> Tensor:
        return self.between(0, 1, count) < share


def changed(images: Tensor, random: torch.Generator) -> Tensor:
    """(n, 3, H, W) of 0–255 → the same, whole numbers; H and W multiples of 16."""
    draw = Draw(random, images.device)
    images = recoloured(images, draw)
    for share, change in ((0.45, resharpened), (0.15, noisy), (0.5, as_jpeg)):
        chosen = draw.some(share, len(images))
        images = images.clamp(0, 255)
        if chosen.any():
            images[chosen] = change(images[chosen], draw)
    return images.clamp(0, 255).round()


def recoloured(images: Tensor, draw: Draw, strength: float = 0.25, share: float = 0.8, grey: float = 0.03) -> Tensor:
    """Brightness, contrast, saturation and hue as one linear map of the colours."""
    n = len(images)
    does = draw.some(share, n).float()
    brightness, contrast, saturation = (1 + does * draw.between(-strength, strength, n) for _ in range(3))
    saturation = saturation * ~draw.some(grey, n)
    angle = does * draw.between(-0.1, 0.1, n) * math.pi * strength
    weights = torch.tensor(GREY_WEIGHTS, device=images.device)
    to_grey = weights.expand(3, 3)
    turn = _hue(angle)
    eye = torch.eye(3, device=images.device)
    matrix = saturation[:, None, None] * turn + (1 - saturation)[:, None, None] * to_grey
    matrix = (brightness * contrast)[:, None, None] * (matrix @ eye)
    mean = torch.einsum("c,nc->n", weights, images.mean((2, 3))) * brightness
    offset = (1 - contrast) * mean
    return torch.einsum("nij,njhw->nihw", matrix, images) + offset[:, None, None, None]


def _hue(angle: Tensor) -> Tensor:
    """(n, 3, 3): colours turned about the grey axis."""
    axis = torch.full((3,), 1 / math.sqrt(3), device=angle.device)
    x, y, z = axis
    zero = torch.zeros_like(x)
    cross = torch.stack([torch.stack([zero, -z, y]), torch.stack([z, zero, -x]), torch.stack([-y, x, zero])])
    eye, sine, cosine = torch.eye(3, device=angle.device), angle.sin()[:, None, None], angle.cos()[:, None, None]
    return cosine * eye + sine * cross + (1 - cosine) * torch.outer(axis, axis)


def resharpened(images: Tensor, draw: Draw, radius: int = 4) -> Tensor:
    """Two thirds blurred by a Gaussian of 0.3 to 1.5 pixels, one third sharpened by what such a blur takes away."""
    n, channels, height, _ = images.shape
    sigma = draw.between(0.3, 1.5, n)
    amount = torch.where(draw.some(0.67, n), 1.0, -draw.between(0.2, 1.0, n))
    at = torch.arange(-radius, radius + 1, device=images.device)
    kernel = torch.exp(-(at**2) / (2 * sigma[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    blurred = F.pad(images, (radius,) * 4, "reflect").reshape(1, n * channels, height + 2 * radius, -1)
    blurred = F.conv2d(blurred, kernel[:, None, :, None], groups=n * channels)
    blurred = F.conv2d(blurred, kernel[:, None, None, :], groups=n * channels).view_as(images)
    return images + amount[:, None, None, None] * (blurred - images)


def noisy(images: Tensor, draw: Draw) -> Tensor:
    """Gaussian noise of up to 10 levels, half of it the same in all channels."""
    n, _, height, width = images.shape
    level = draw.between(0, 10, n)[:, None, None, None]
    noise = torch.randn(n, 4, height, width, generator=draw.random, device=images.device)
    return images + level * (noise[:, :3] + noise[:, 3:]) / math.sqrt(2)


def as_jpeg(images: Tensor, draw: Draw) -> Tensor:
    """What quality 40 to 95 leaves, colours at half the resolution."""
    quality = draw.between(40, 95, len(images))
    factor = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    red, green, blue = images.unbind(1)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    colours = torch.stack([(blue - light) / 1.772, (red - light) / 1.402], 1)
    small = F.avg_pool2d(colours, 2)
    light = _quantised(light[:, None] - 128, LUMINANCE, factor)[:, 0] + 128
    colours = F.interpolate(_quantised(small, CHROMINANCE, factor), scale_factor=2, mode="bilinear")
    cb, cr = colours.unbind(1)
    return torch.stack([light + 1.402 * cr, light - 0.344136 * cb - 0.714136 * cr, light + 1.772 * cb], 1)


def _quantised(planes: Tensor, table: tuple[tuple[int, ...], ...], factor: Tensor) -> Tensor:
    """(n, c, H, W) → the same after rounding of the cosine transform of its blocks of 8x8."""
    n, c, height, width = planes.shape
    basis = _cosines(planes.device)
    steps = (torch.tensor(table, device=planes.device) * factor[:, None, None]).round().clamp(1, 255)
    steps = steps[:, None, None, None]  # (n, 1, 1, 1, 8, 8)
    blocks = planes.view(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    values = basis @ blocks @ basis.T
    rounded = (values / steps).round() * steps
    return (basis.T @ rounded @ basis).transpose(3, 4).reshape(n, c, height, width)


def _cosines(device: torch.device) -> Tensor:
    """(8, 8): the orthonormal cosine transform."""
    k, i = torch.arange(8, device=device)[:, None], torch.arange(8, device=device)[None]
    basis = torch.cos((2 * i + 1) * k * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis
