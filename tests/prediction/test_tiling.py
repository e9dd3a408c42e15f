"""Tiles cover a picture without overlap. With an exact halo, they give the labels of the whole picture."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv import load
from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.prediction.tiling import (
    LARGEST,
    Span,
    Tiling,
    automatic,
    check_halo,
    check_tiling,
    exact_halo,
    fixed,
    halo_of,
    plan,
    tiles_of,
    whole,
)

SIDES = st.integers(1, 8).map(lambda n: 32 * n)
HALF = NormalisationValues((127.5,) * 3, (127.5,) * 3)


def config(window=(-40, 51)) -> ModelConfig:
    return ModelConfig("m", Architecture("resnet18", 8), Classes.named(["a", "b", "c"]), HALF, window=window)


HALOS = st.tuples(st.integers(0, 300), st.integers(0, 300))


def check_cover(windows, height, width, halo):
    kept = np.zeros((height, width), int)
    for window in windows:
        kept[window.placing] += 1
        for span, length in ((window.rows, height), (window.columns, width)):
            assert span.read_from % 32 == span.read_to % 32 == 0
            assert span.read_to < length + 32
            assert span.start - span.read_from >= min(halo[0], span.start)
            assert min(span.read_to, length) - span.stop >= min(halo[1], length - span.stop)
            assert np.array_equal(np.arange(length)[span.reading][span.keeping], np.arange(length)[span.placing])
    assert (kept == 1).all()
    assert len({(w.rows.read_to - w.rows.read_from, w.columns.read_to - w.columns.read_from) for w in windows}) == 1


@given(st.integers(1, 700), st.integers(1, 700), SIDES, HALOS)
@settings(max_examples=100, deadline=None)
def test_every_pixel_is_kept_once_and_all_tiles_are_equal_and_on_the_coarsest_grid(height, width, side, halo):
    check_cover(tiles_of(height, width, fixed(side, halo), halo), height, width, halo)


@given(st.integers(1, 900), st.integers(1, 900), HALOS, st.integers(1, 800))
@settings(max_examples=100, deadline=None)
def test_automatic_tiles_fit_into_the_memory_if_possible(height, width, halo, side):
    reading = automatic(height, width, halo, side * side)
    assert reading[0] * reading[1] <= max(side * side, (sum(halo) + 64) ** 2)
    check_cover(tiles_of(height, width, reading, halo), height, width, halo)


def test_automatic_tiles_are_not_too_large():
    assert automatic(700, 900, (128, 128), 10**9) == (704, 928)
    rows, columns = automatic(10**5, 10**5, (128, 128), 10**9)
    assert 2000**2 < rows * columns < 2700**2
    rows, columns = automatic(10**4, 10**4, (0, 0), 10**9)
    assert 768**2 <= rows * columns < 900**2  # not too small either
    rows, columns = automatic(10**5, 10**5, (500, 500), 10**9)
    assert 0.95 * LARGEST < rows * columns <= LARGEST


def test_the_exact_halo_is_that_of_the_window():
    assert exact_halo(config()) == (40, 51)
    assert halo_of(config(), "exact") == (40, 51)
    assert halo_of(config(), None) == (40, 51)  # the default is never more than the exact halo
    assert halo_of(config((-700, 100)), None) == (128, 100)
    assert halo_of(config(), "17") == (17, 17)


def test_a_halo_without_tiles_is_refused():
    with pytest.raises(FullconvError, match=r"halo=64: .*; add tile='auto', or remove halo"):
        check_halo(None, 64)
    check_halo("auto", 64)
    check_halo(None, None)


@pytest.mark.parametrize(
    ("tile", "halo", "message"),
    [
        (100, None, "tile=100: .* multiple of 32"),
        ("some", None, "or auto"),
        (64, "wide", "a number of pixels, or exact"),
        (0, None, "tile=0: .* multiple of 32"),
        ("0", None, "multiple of 32"),
        ("", None, "or auto"),
    ],
)
def test_an_impossible_tile_or_halo_is_refused_before_reading(tile, halo, message):
    with pytest.raises(FullconvError, match=message):
        check_tiling(config(), tile, halo)
    with pytest.raises(FullconvError, match="sees the whole picture at once"):
        check_tiling(config(None), 64, "exact")


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """An FCN-8s on a small ResNet with random parameters. Its window is about 500 pixels."""
    import torch

    from fullconv.exporting.onnx import export_onnx
    from fullconv.models.build import build
    from fullconv.weights.checkpoint import save_model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    made = config(None)
    net = build(made)
    for name, parameter in net.named_parameters():
        if name.startswith("score") and parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=0.3)
    save_model(folder, net.eval(), made)
    export_onnx(folder)
    return folder


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_exact_tiles_equal_the_whole_picture(small_model, engine):
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 255, (60, 71, 3)), np.ones((16, 16, 1))).astype(np.uint8)[:933, :1127]
    model = load(small_model, engine=engine, precision="fp32")
    assert model.config.window == (-276, 245)
    whole = model.predict(image, scores=True)
    tiled = model.predict(image, tile=128, halo="exact")
    assert np.array_equal(tiled.label_map, whole.label_map)
    assert len(np.unique(whole.label_map)) == 3
    kept = model.predict(image, scores=True, tile=256, halo="exact")
    np.testing.assert_allclose(kept.scores, whole.scores, atol=1e-4 * np.ptp(whole.scores))
    assert np.array_equal(kept.label_map, whole.label_map)


def test_without_a_halo_there_are_seams(small_model):
    """This shows that the test above can fail: without a halo, labels differ."""
    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    model = load(small_model, precision="fp32")
    whole, cut = model.predict(image).label_map, model.predict(image, tile=64, halo=0).label_map
    assert (whole != cut).mean() > 0.001


@pytest.mark.parametrize("tile", [64, "auto"])
def test_a_plan_can_be_stored_as_json(tile):
    for made in (plan(config(), (200, 130), tile, 32, lambda: 96 * 96), whole((200, 130), 128)):
        read = Tiling.from_json(json.loads(json.dumps(asdict(made))))
        assert read == made
        assert (read.size, read.side) == (made.size, made.side)
        assert [(w.rows, w.columns) for w in read.tiles] == [(w.rows, w.columns) for w in made.tiles]


def test_a_whole_picture_is_one_window_that_keeps_everything():
    made = whole((200, 130), None)
    (window,) = made.tiles
    assert (window.rows, window.columns) == (Span(0, 200, 0, 200), Span(0, 130, 0, 130))
    assert (made.size, made.side) == ((200, 130), 0)


def test_errors_name_the_argument():
    with pytest.raises(FullconvError, match=r"^halo='exact': m sees .* or remove halo to blend"):
        halo_of(config(window=None), "exact")
    with pytest.raises(FullconvError, match=r"^halo='wide': give a number"):
        halo_of(config(), "wide")


def test_auto_tiles_need_no_side_of_their_own():
    check_tiling(config(), "auto", None)
    check_tiling(config(), None, None)
