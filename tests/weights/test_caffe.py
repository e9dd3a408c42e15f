"""A caffemodel's numbers come back exactly; whatever is wrong with its bytes is one line."""

import numpy as np
import pytest
import torch
from torch import nn

from fullconv.errors import FullconvError
from fullconv.weights.caffe import read_caffe
from fullconv.weights.transplant import transplant
from tests.weights.caffe_files import STYLES, field, layer, number, skeleton_of, write_caffemodel


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    shapes = {"data": [], "conv1": [(4, 3, 3, 3), (4,)], "fc6": [(5, 16), (5,)], "upscore": [(2, 2, 4, 4)]}
    return {name: [rng.normal(size=s).astype(np.float32) for s in some] for name, some in shapes.items()}


def values(state):
    return {name: np.concatenate([*blob.pieces()]).reshape(blob.shape) for name, blob in state.items()}


class Net(nn.Module):
    """What the file above is imported into: its fully connected layer as a convolution, its deconvolution grouped."""

    def __init__(self):
        super().__init__()
        self.conv1, self.fc6 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 2)
        self.upscore = nn.ConvTranspose2d(2, 2, 4, groups=2, bias=False)


def imported(path):
    net = Net()
    transplant(read_caffe(path), net)
    return net.state_dict()


@pytest.fixture(scope="module")
def importable(layers):
    """The same layers, the deconvolution's classes apart, as in the published nets."""
    deconvolution = layers["upscore"][0] * np.eye(2, dtype=np.float32)[..., None, None]
    return {**layers, "upscore": [deconvolution]}


@pytest.mark.parametrize("style", STYLES)
def test_every_version_of_the_format_gives_the_same_numbers(layers, tmp_path, style):
    read = values(read_caffe(write_caffemodel(tmp_path / "a.caffemodel", layers, STYLES[style])))
    written = dict(zip(("weight", "bias"), layers["conv1"], strict=True))
    assert list(read) == ["conv1.weight", "conv1.bias", "fc6.weight", "fc6.bias", "upscore.weight"]
    assert all(np.array_equal(read[f"conv1.{name}"].squeeze(), value) for name, value in written.items())
    legacy = STYLES[style].legacy_shape
    assert read["conv1.bias"].shape == ((1, 1, 1, 4) if legacy else (4,))
    assert read["fc6.weight"].shape == ((1, 1, 5, 16) if legacy else (5, 16))
    assert np.array_equal(read["upscore.weight"], layers["upscore"][0])


@pytest.mark.parametrize("style", ["V2", "V2 unpacked", "V2 double"])
def test_numbers_are_read_in_pieces(tmp_path, style):
    big = np.random.default_rng(0).normal(size=(3, 1_000_000)).astype(np.float32)
    blob = read_caffe(write_caffemodel(tmp_path / "a.caffemodel", {"fc": [big]}, STYLES[style]))["fc.weight"]
    pieces = list(blob.pieces())
    assert np.array_equal(np.concatenate(pieces), big.ravel())
    assert max(piece.nbytes for piece in pieces) <= 4 << 20


def outcome(path):
    """The imported parameters, or the error's message."""
    try:
        return imported(path)
    except FullconvError as error:
        return str(error)


def test_any_bit_of_the_skeleton_that_flips_is_an_error_or_changes_nothing(importable, tmp_path):
    path = write_caffemodel(tmp_path / "a.caffemodel", importable)
    content, expected = path.read_bytes(), imported(path)
    errors = 0
    for position in skeleton_of(path, importable):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            found = outcome(path)
            if isinstance(found, str):
                errors += 1
                assert "\n" not in found
            else:
                assert all(torch.equal(found[name], expected[name]) for name in expected), (position, bit)
    assert errors > 500


@pytest.mark.parametrize("style", ["V1", "V0", "V2 unpacked", "V2 double unpacked"])
def test_any_byte_that_changes_is_an_error_or_another_number(importable, tmp_path, style):
    path = write_caffemodel(tmp_path / "a.caffemodel", importable, STYLES[style])
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for position in rng.choice(len(content), 300, replace=False):
        changed = bytearray(content)
        changed[position] = rng.integers(256)
        path.write_bytes(changed)
        assert "\n" not in outcome(path)


@pytest.mark.parametrize("style", STYLES)
def test_a_file_cut_anywhere_is_an_error(importable, tmp_path, style):
    path = write_caffemodel(tmp_path / "a.caffemodel", importable, STYLES[style])
    content = path.read_bytes()
    for size in range(0, len(content), len(content) // 150):
        path.write_bytes(content[:size])
        found = outcome(path)
        assert isinstance(found, str)
        assert "\n" not in found


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("style", STYLES)
def test_a_number_that_is_not_finite_names_its_layer(layers, tmp_path, style, bad):
    weight, bias = layers["fc6"]
    bias = np.where(np.arange(5) == 3, bad, bias)
    path = write_caffemodel(tmp_path / "a.caffemodel", {**layers, "fc6": [weight, bias]}, STYLES[style])
    blob = read_caffe(path)["fc6.bias"]
    with pytest.raises(FullconvError, match=rf"a\.caffemodel: layer 'fc6': expected finite numbers, found {bad}"):
        list(blob.pieces())


def test_a_double_beyond_float32_is_not_finite(tmp_path):
    path = write_caffemodel(tmp_path / "a.caffemodel", {"a": [np.array([1e300])]}, STYLES["V2 double"])
    with pytest.raises(FullconvError, match="finite"):
        list(read_caffe(path)["a.weight"].pieces())


def written(path, *parts):
    path.write_bytes(b"".join(parts))
    return path


FOUR = field(5, np.ones(4, "<f4").tobytes())


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (field(7, field(1, b"\x05")) + FOUR, "layer 'a', blob 0: expected 5 = 5 numbers, found 4"),
        (number(1, 4) + FOUR, "expected 4x0x0x0 = 0 numbers, found 4"),
        (FOUR, "expected one shape and one row of numbers, found 0 and 1"),
        (field(7, field(1, b"\x04")) * 2 + FOUR, "found 2 and 1"),
        (field(7, field(1, b"\x01" * 33)) + FOUR, "at most 32 numbers, found more"),
        (field(7, b"") + FOUR, "axes, found 0"),
        (field(5, b"abc"), "numbers of 4 bytes each, found 3 bytes"),
        (number(5, 1), "expected wire type 2 for field 5, found 0"),
        (b"\x2b", "wire type 0, 1, 2 or 5, found 3"),
        (b"\x2a" + b"\xff" * 11, "a number of at most 10 bytes"),
        (b"\x2a\x7f", "expected a field that ends by byte"),
        ((b"\x2d0000" + b"\x6d1111") * 65, "found 0 and 65"),
    ],
)
def test_a_blob_that_is_wrong_says_how(tmp_path, blob, message):
    path = written(tmp_path / "a.caffemodel", field(100, field(1, b"a") + field(7, blob)))
    with pytest.raises(FullconvError, match=message) as error:
        read_caffe(path)
    assert str(error.value).startswith(f"{path}: layer 'a'")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [b"a\nb", b"\xff\xfe", b"\xe2\x80\xa8"])
def test_a_name_that_cannot_be_printed_is_damage(tmp_path, name):
    path = written(tmp_path / "a.caffemodel", field(100, field(1, name) + field(7, field(7, field(1, b"\x04")) + FOUR)))
    with pytest.raises(FullconvError, match="a name that can be printed") as error:
        read_caffe(path)
    assert "\n" not in str(error.value)


def test_a_layer_found_twice_is_an_error(layers, tmp_path):
    twice = layer("conv1", layers["conv1"], STYLES["V2"]) * 2
    with pytest.raises(FullconvError, match="layer 'conv1': expected once, found 2 times"):
        read_caffe(written(tmp_path / "a.caffemodel", *twice))


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04" + bytes(100), b"\x89HDF\r\n\x1a\n" + bytes(50), b"name: 'net'\n"]
)
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(FullconvError, match="damaged or not a caffemodel"):
        read_caffe(written(tmp_path / "a.caffemodel", content))


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(FullconvError, match="no such file"):
        read_caffe(tmp_path / "none.caffemodel")
