"""How each tensor operation changes the part of the picture that a map sees. Operations without a rule are refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import torch

from fullconv.errors import FullconvError
from fullconv.models.geometry import PICTURE, Window, convolution, deconvolution

aten = torch.ops.aten
Arguments = Mapping[str, Any]  # the arguments of an operation, by the names in its schema


@dataclass(frozen=True)
class Sight:
    """What a map sees of the picture, along `rows` and along `columns`.

    `axes` are the dimensions of the map for rows and columns, counted from the last (-1), as in broadcasting. `whole`:
    the map depends on a value taken over a whole map, so its windows span the picture and hold for this size only.
    `unpool`: after a max pooling, the window that leads back to its grid.
    """

    rows: Window = PICTURE
    columns: Window = PICTURE
    axes: tuple[int, ...] = (-2, -1)
    whole: bool = False
    unpool: tuple[Window, ...] | None = None

    @property
    def constant(self) -> bool:
        """Whether every position sees the same part."""
        return self.rows.stride == 0 and self.columns.stride == 0

    def then(self, layer: Callable[[int], Window]) -> Sight:
        """Returns the sight after an operation. `layer` gives its window along an axis."""
        a, b = self.axes
        return replace(self, rows=self.rows.then(layer(a)), columns=self.columns.then(layer(b)), unpool=None)

    def beside(self, other: Sight, shape: Sequence[int]) -> Sight:
        """Returns the sight of both maps joined into one map of `shape`."""
        if self.constant:
            return replace(other if other.constant else other.beside(self, shape), whole=True)
        if not other.constant and self.axes != other.axes:
            raise FullconvError(
                f"maps with rows and columns in dimensions {self.axes} and {other.axes} cannot be joined"
            )
        rows = join(self.rows, other.rows, shape[self.axes[0]])
        columns = join(self.columns, other.columns, shape[self.axes[1]])
        return Sight(rows, columns, self.axes, self.whole or other.whole, other.unpool or self.unpool)

    def over_all(self, dims: Sequence[int], shape: Sequence[int]) -> Sight:
        """Returns the sight of a sum, mean or maximum of a map of `shape` over its dimensions `dims`."""
        a, b = self.axes
        rows = everything(self.rows, shape[a]) if a in dims else self.rows
        columns = everything(self.columns, shape[b]) if b in dims else self.columns
        return replace(self, rows=rows, columns=columns, whole=self.whole or a in dims or b in dims)


def everything(window: Window, length: int) -> Window:
    """Returns what all `length` positions see together. It is the same for each, so the stride is 0."""
    return Window(Fraction(0), window.first, window.stride * (length - 1) + window.last)


def join(one: Window, other: Window, length: int) -> Window:
    """Returns the union. If one of them is the same for all `length` positions, it is the smallest window that contains
    it at each position."""
    if one.stride and not other.stride:
        other = Window(one.stride, other.first - one.stride * (length - 1), other.last)
    elif other.stride and not one.stride:
        return join(other, one, length)
    return one.beside(other)


def convolve(sight: Sight, a: Arguments) -> Sight:
    def layer(axis: int) -> Window:
        kernel, stride, padding, dilation = (
            side(a[key], axis) for key in ("kernel_size", "stride", "padding", "dilation")
        )
        if a["transposed"]:
            return deconvolution(dilation * (kernel - 1) + 1, stride, padding)
        return convolution(kernel, stride, padding, dilation)

    a = {**a, "kernel_size": a["weight"].shape[2:]}
    return sight.then(layer)


def pool(sight: Sight, a: Arguments) -> Sight:
    def sides(axis: int) -> tuple[int, int, int]:
        dilation = side(a.get("dilation", [1]), axis)
        kernel = dilation * (side(a["kernel_size"], axis) - 1) + 1
        return kernel, side(a["stride"] or a["kernel_size"], axis), side(a["padding"], axis)

    back = tuple(deconvolution(*sides(axis)) for axis in (-2, -1))
    return replace(sight.then(lambda axis: convolution(*sides(axis))), unpool=back)


def unpool(sight: Sight, a: Arguments) -> Sight:
    if sight.unpool is None:
        raise FullconvError("max_unpool2d needs the indices of a max pooling in the same network")
    return sight.then(lambda axis: sight.unpool[axis])  # type: ignore[index]


def adaptive_pool(sight: Sight, a: Arguments) -> Sight:
    shape, size = a["self"].shape, a["output_size"]
    if all(side(size, axis) == 1 for axis in sight.axes):
        return sight.over_all(sight.axes, shape)
    if any(shape[axis] % side(size, axis) for axis in sight.axes):
        raise FullconvError(
            f"adaptive pooling of {tuple(shape[-2:])} to {tuple(size)} has uneven windows; trace a multiple"
        )
    return sight.then(lambda axis: convolution(shape[axis] // side(size, axis), shape[axis] // side(size, axis)))


def pad(sight: Sight, a: Arguments) -> Sight:
    amounts = dict(enumerate(a["pad"][::2], 1))  # {dimension from the last: positions added before}
    return sight.then(lambda axis: shifted(-amounts.get(-axis, 0)))


def cut(sight: Sight, a: Arguments) -> Sight:
    """The rule of a slice: crops, and every n-th row."""
    length = a["self"].shape[a["dim"]]
    start, _, step = slice(a["start"], a["end"], a["step"]).indices(length)
    return sight.then(lambda axis: shifted(start, step) if axis == from_last(a["dim"], a["self"].ndim) else PICTURE)


def nearest(sight: Sight, a: Arguments) -> Sight:
    """The rule of nearest-neighbour interpolation: output y reads input floor(ratio·y)."""

    def layer(axis: int) -> Window:
        ratio = ratio_of(a, axis)
        return Window(ratio, Fraction(1, ratio.denominator) - 1, Fraction(0))

    return sight.then(layer)


def shuffle(sight: Sight, a: Arguments) -> Sight:
    """The rule of pixel_shuffle, which arranges channels as a square of pixels and so enlarges like `nearest`, and of
    pixel_unshuffle, its inverse."""
    if "downscale_factor" in a:
        return sight.then(lambda axis: convolution(a["downscale_factor"], a["downscale_factor"]))
    return sight.then(lambda axis: deconvolution(a["upscale_factor"], a["upscale_factor"]))


def interpolate(sight: Sight, a: Arguments, reach: int) -> Sight:
    """The rule of interpolation: output y reads the inputs closer than `reach` to ratio·(y + 1/2) - 1/2, or to ratio·y
    with aligned corners."""

    def layer(axis: int) -> Window:
        ratio = ratio_of(a, axis)
        middle = Fraction(0) if a["align_corners"] else (ratio - 1) / 2
        within = reach - Fraction(
            1, 2 * ratio.denominator
        )  # inputs and centres lie on this lattice, so this means "closer"
        return Window(ratio, middle - within, middle + within)

    return sight.then(layer)


def reduce(sight: Sight, a: Arguments) -> Sight:
    shape, dims = a["self"].shape, a.get("dim")
    listed = [dims] if isinstance(dims, int) else list(dims or range(len(shape)))
    gone = [from_last(d, len(shape)) for d in listed]
    seen = sight.over_all(gone, shape)
    if a.get("keepdim"):
        return seen
    return replace(seen, axes=tuple(axis + sum(d > axis for d in gone) for axis in seen.axes))


def normalise_over(sight: Sight, a: Arguments, dims: Callable[[Arguments], Sequence[int]]) -> Sight:
    """The rule of a normalisation with values taken over the dimensions `dims` of the map itself."""
    shape = (a["input"] if "input" in a else a["self"]).shape
    statistics = sight.over_all([from_last(d, len(shape)) for d in dims(a)], shape)
    rows = join(sight.rows, statistics.rows, shape[sight.axes[0]])
    return replace(statistics, rows=rows, columns=join(sight.columns, statistics.columns, shape[sight.axes[1]]))


def permute(sight: Sight, a: Arguments) -> Sight:
    ndim = a["self"].ndim
    if "dims" in a:
        order = [d % ndim for d in a["dims"]]
    else:
        order = list(range(ndim))
        i, j = a.get("dim0", 0) % ndim, a.get("dim1", 1) % ndim
        order[i], order[j] = j, i
    return replace(sight, axes=tuple(order.index(axis + ndim) - ndim for axis in sight.axes))


def reshape(sight: Sight, a: Arguments) -> Sight:
    """The rule of a reshape: rows and columns stay wherever a dimension of the same length, with as many values after
    it, remains."""
    old = list(a["self"].shape)
    new = list(torch.empty(old, device="meta").view(a["size"]).shape)
    axes = []
    for axis in sight.axes:
        same = [d for d in range(-len(new), 0) if new[d] == old[axis] and math.prod(new[d:]) == math.prod(old[axis:])]
        if not same:
            raise FullconvError(f"a reshape from {old} to {new} mixes rows and columns with channels")
        axes.append(same[-1])
    return replace(sight, axes=tuple(axes))


def unsqueeze(sight: Sight, a: Arguments) -> Sight:
    new = from_last(a["dim"], a["self"].ndim + 1)
    return replace(sight, axes=tuple(axis - (axis <= new) for axis in sight.axes))


def drop_dim(sight: Sight, a: Arguments) -> Sight:
    """The rule of squeeze and select: a dimension disappears, which must not be rows or columns."""
    gone = from_last(outside(sight, a["dim"], a["self"].ndim), a["self"].ndim)
    if a["self"].shape[gone] != 1 and "index" not in a:
        return sight
    return replace(sight, axes=tuple(axis + (axis < gone) for axis in sight.axes))


def along_channels(sight: Sight, a: Arguments) -> Sight:
    """The rule of cat, split, flip and index, which are allowed if they leave rows and columns alone."""
    ndim = (a["tensors"][0] if "tensors" in a else a["self"]).ndim
    indexed = [d for d, index in enumerate(a["indices"]) if index is not None] if "indices" in a else None
    dims = a.get("dims", indexed) if "dim" not in a else [a["dim"]]
    for dim in dims or []:
        outside(sight, dim, ndim)
    return sight


def unchanged(sight: Sight, a: Arguments) -> Sight:
    return sight


def outside(sight: Sight, dim: int, ndim: int) -> int:
    """Returns `dim`. Raises FullconvError if it is rows or columns."""
    if from_last(dim, ndim) in sight.axes:
        raise FullconvError(f"dimension {dim} holds rows or columns of the picture; here it must be another")
    return dim


def shifted(start: int, step: int = 1) -> Window:
    return Window(Fraction(step), Fraction(start), Fraction(start))


def side(values: Sequence[int], axis: int) -> int:
    """Returns the number for `axis` (from the last) from a list that holds one for all, or one for each."""
    return values[axis] if len(values) > 1 else values[0]


def from_last(dim: int, ndim: int) -> int:
    return dim - ndim if dim >= 0 else dim


def ratio_of(a: Arguments, axis: int) -> Fraction:
    """Returns inputs per output along an axis, as torch computes it from the sizes or the given factor."""
    given = a.get({-2: "scales_h", -1: "scales_w"}[axis])
    old, new = a["self"].shape[axis], side(a["output_size"], axis)
    if a.get("align_corners"):
        return Fraction(old - 1, max(1, new - 1))
    return 1 / Fraction(given).limit_denominator(1000) if given else Fraction(old, new)


# In addition, everything that torch classifies as pointwise leaves positions unchanged.
UNCHANGED = (
    aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten.hardswish, aten.hardswish_,
    aten._prelu_kernel, aten.detach, aten.alias, aten.clone, aten._to_copy, aten.expand,
)  # fmt: skip
CHANNELWISE = (aten.cat, aten.split, aten.split_with_sizes, aten.index, aten.index_select, aten.flip)
RULES: dict[Any, Callable[[Sight, Arguments], Sight]] = {
    aten.convolution: convolve,
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.avg_pool2d, aten.avg_pool3d), pool),
    aten.max_unpool2d: unpool,
    aten._adaptive_avg_pool2d: adaptive_pool,
    aten.constant_pad_nd: pad,
    aten.slice: cut,
    **dict.fromkeys((aten.pixel_shuffle, aten.pixel_unshuffle), shuffle),
    aten.upsample_nearest2d: nearest,
    aten.upsample_bilinear2d: partial(interpolate, reach=1),
    aten.upsample_bicubic2d: partial(interpolate, reach=2),
    **dict.fromkeys((aten.mean, aten.sum, aten.max, aten.amax, aten.argmax), reduce),
    **dict.fromkeys((aten._softmax, aten._log_softmax), partial(normalise_over, dims=lambda a: [a["dim"]])),
    aten.native_layer_norm: partial(normalise_over, dims=lambda a: range(-len(a["normalized_shape"]), 0)),
    aten.native_group_norm: partial(normalise_over, dims=lambda a: (-2, -1)),
    **dict.fromkeys((aten.permute, aten.transpose, aten.t), permute),
    **dict.fromkeys((aten.view, aten._unsafe_view), reshape),
    aten.unsqueeze: unsqueeze,
    **dict.fromkeys((aten.squeeze, aten.select), drop_dim),
    **dict.fromkeys(CHANNELWISE, along_channels),
    **dict.fromkeys(UNCHANGED, unchanged),
}


def rule_of(operation: Any) -> Callable[[Sight, Arguments], Sight]:
    """Returns the rule for an aten overload. Raises FullconvError with its name if its geometry is not known."""
    if torch.Tag.pointwise in operation.tags:
        return unchanged
    if operation.overloadpacket in RULES:
        return RULES[operation.overloadpacket]
    raise FullconvError(
        f"{operation}: no known geometry; this network cannot be traced (add a rule to operation_windows.py)"
    )
