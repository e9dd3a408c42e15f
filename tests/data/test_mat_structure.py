import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io.matlab
from scipy.io import loadmat, savemat, whosmat
from scipy.sparse import csc_array

from fullconv.data.mat import read_mat
from fullconv.data.mat_structure import MOST, refuse_wrong_structure
from fullconv.errors import FullconvError

TAG = 128 + 8 + 16 + 16 + 8  # where the numbers of a matrix with a name of one letter begin, if nothing is compressed
KINDS = {
    "uint8": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "float64": np.linspace(0, 1, 5),
    "bool": np.eye(3) > 0,
    "complex": np.array([1 + 2j, 3j]),
    "text": "background",
    "texts": np.array(["cat", "dog"]),
    "empty": np.zeros((0, 0)),
    "volume": np.zeros((2, 3, 4), np.int16),
    "cells": np.array([np.eye(2), "text", np.zeros((0, 2))], dtype=object),
    "sparse": csc_array(np.eye(4)),
    "struct": {
        "Segmentation": np.eye(3),
        "Boundaries": np.array([csc_array(np.eye(3))], dtype=object),
        "more": {"a": 1},
    },
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_scipy_writes_is_right(tmp_path, kind, compressed):
    savemat(tmp_path / "a.mat", {"before": np.arange(3), "S": KINDS[kind]}, do_compression=compressed)
    refuse_wrong_structure(tmp_path / "a.mat", "S")
    assert "S" in loadmat(tmp_path / "a.mat")


def test_version_4_is_left_to_scipy(tmp_path):
    savemat(tmp_path / "a.mat", {"S": np.eye(300)}, format="4")
    assert read_mat(tmp_path / "a.mat", ("S",)).sum() == 300


def test_what_matlab_wrote_is_right_but_for_functions_and_objects():
    """The files of many versions of MATLAB that scipy's own tests read, where scipy brings them."""
    folder = Path(scipy.io.matlab.__file__).parent / "tests" / "data"
    files = [path for path in sorted(folder.glob("*_[5-7].*_*.mat")) if "hdf5" not in path.name]
    refused = {path.name.split("_")[0] for path in files for name, _, _ in whosmat(path) if _is_refused(path, name)}
    assert refused == ({"testfunc", "testobject"} if files else set())


def _is_refused(path, name):
    try:
        refuse_wrong_structure(path, name)
    except ValueError:
        return True
    return False


def changed(path, at, words):
    """A file whose variable S is a matrix of three numbers, with other 32-bit words at a place."""
    savemat(path, {"S": np.array([[1.0, 2.5, 3.0]])})
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(words)}i", content, at, *words)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (TAG, [8]),  # a type that does not exist: scipy crashed
        (TAG, [19]),
        (TAG, [20]),
        (TAG, [14]),  # an array where numbers should be
        (TAG, [50_000]),
        (TAG, [0x10000]),  # the same in a short tag
        (TAG + 4, [2**20]),  # longer than the variable
        (TAG + 4, [-1]),
        (TAG - 16, [-1, 3]),  # the dimensions
        (TAG - 16, [2**30, 2**30]),
        (128 + 16, [1]),  # the class: a cell, a struct, an object
        (128 + 16, [2]),
        (128 + 16, [3]),
        (128 + 16, [0x806]),  # complex, without an imaginary part
    ],
)
def test_what_would_crash_scipy_is_refused(tmp_path, at, words):
    path = changed(tmp_path / "a.mat", at, words)
    with pytest.raises(FullconvError, match=r"a\.mat: damaged \.mat file \(.*\); copy it again"):
        read_mat(path, ("S",))


def test_structs_in_structs_have_an_end(tmp_path):
    value = {"a": 1}
    for _ in range(30):
        value = {"a": value}
    savemat(tmp_path / "a.mat", {"S": value})
    with pytest.raises(FullconvError, match="more than 16 structs and cells in each other"):
        read_mat(tmp_path / "a.mat", ("S",))


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_too_large_for_a_mask_is_refused(tmp_path, compressed):
    savemat(tmp_path / "a.mat", {"S": np.zeros(MOST // 8 + 1)}, do_compression=compressed)
    with pytest.raises(FullconvError, match="more than 128 MiB"):
        read_mat(tmp_path / "a.mat", ("S",))


@pytest.mark.parametrize("kind", ["sparse", "cells", "text", "struct", "complex"])
def test_what_is_no_mask_is_refused(tmp_path, kind):
    savemat(tmp_path / "a.mat", {"S": KINDS[kind]})
    with pytest.raises(FullconvError, match=r"a\.mat: S is no array of numbers"):
        read_mat(tmp_path / "a.mat", ("S",))


def test_damage_in_a_variable_that_nobody_asks_for_is_ignored(tmp_path):
    path = changed(tmp_path / "a.mat", TAG, [8])
    with pytest.raises(FullconvError, match="no T in it"):
        read_mat(path, ("T",))
