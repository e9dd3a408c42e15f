"""fullconv convert: exact numbers in a model folder that loads, or one line and no folder."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import fullconv
from fullconv.commands.main import fullconv as command
from fullconv.errors import FullconvError
from fullconv.models import published
from fullconv.weights.checkpoint import load_model
from fullconv.weights.convert import caffe_name, check_scales, convert, import_weights
from fullconv.weights.tensors import read_tensors
from tests.weights.caffe_files import write_caffemodel
from tests.weights.caffe_nets import deploy

NET = "fcn-googlenet"  # the smallest


@pytest.fixture(scope="module")
def layers():
    return deploy(NET).parameters()


@pytest.fixture(scope="module")
def caffemodel(layers, tmp_path_factory):
    return write_caffemodel(tmp_path_factory.mktemp("caffe") / "net.caffemodel", layers)


@pytest.fixture(scope="module")
def folder(caffemodel, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "googlenet"
    convert("caffe", caffemodel, NET, out)
    return out


@pytest.mark.parametrize(
    ("ours", "caffes"),
    [
        ("trunk.conv1_1.weight", "conv1_1.weight"),
        ("trunkhha.fc6.bias", "fc6hha.bias"),
        ("trunk.inception_3a.5x5_reduce.weight", "inception_3a/5x5_reduce.weight"),
        ("score_frcolor.bias", "score_frcolor.bias"),
        ("upscore8_sem.weight", "upscore8_sem.weight"),
    ],
)
def test_names(ours, caffes):
    assert caffe_name(ours) == caffes


@pytest.mark.parametrize("name", published.NETS)
def test_every_published_net_has_a_place_for_each_layer_of_its_release(name):
    with torch.device("meta"):
        ours = {caffe_name(n): tuple(value.shape) for n, value in published.build(name).state_dict().items()}
    theirs = {}
    for layer in deploy(name).layers:
        for leaf, shape in zip(("weight", "bias"), layer.shapes, strict=False):
            grouped = (shape[0], 1, *shape[2:]) if layer.kind == "Deconvolution" else shape
            theirs[f"{layer.name}.{leaf}"] = grouped
    constants = {"scale_pool4.weight", "scale_pool3.weight"} & theirs.keys()
    assert {n: shape for n, shape in theirs.items() if n not in constants} == ours


def test_the_folder_holds_the_very_numbers(folder, layers):
    state = read_tensors(folder / "model.safetensors")
    assert {value.dtype for value in state.values()} == {torch.float32}
    for name, value in state.items():
        layer, leaf = caffe_name(name).rsplit(".", 1)
        written = layers[layer][("weight", "bias").index(leaf)]
        if layer == "upscore":
            written = written[range(21), range(21)][:, None]
        assert np.array_equal(value.numpy(), written), name


def test_whoever_may_read_the_config_may_read_the_parameters(folder):
    modes = {(folder / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1


def test_the_folder_is_a_model(folder, caffemodel):
    model, config = load_model(folder)
    assert config.name == NET
    assert config.provenance["imported"]["file"] == caffemodel.name
    assert len(config.provenance["imported"]["sha256"]) == 64
    assert model(torch.zeros(1, 3, 40, 50)).shape == (1, 21, 40, 50)


def test_torchfcn_gives_the_same_model(folder, layers, tmp_path):
    state = {
        f"{name}.{leaf}": torch.from_numpy(blob)
        for name, blobs in layers.items()
        for leaf, blob in zip(("weight", "bias"), blobs, strict=False)
    }
    torch.save({"model_state_dict": state, "best_mean_iu": np.float64(0.5)}, tmp_path / "a.pth.tar")
    convert("torchfcn", tmp_path / "a.pth.tar", NET, tmp_path / "out")
    expected, found = (read_tensors(f / "model.safetensors") for f in (folder, tmp_path / "out"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def spoilt(layers, how):
    layers = dict(layers)
    weight, *others = layers["conv1/7x7_s2"]
    if how == "lacking":
        del layers["conv1/7x7_s2"]
    elif how == "left over":
        layers["loss1/conv"] = [np.zeros((2, 2), np.float32)]
    elif how == "not finite":
        layers["conv1/7x7_s2"] = [np.where(weight == weight.max(), np.nan, weight), *others]
    elif how == "other shape":
        layers["conv1/7x7_s2"] = [weight[:, :2], *others]
    return layers


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("lacking", r"lacks 2 parameters, such as trunk\.conv1\.7x7_s2\.bias \(expected 64\)"),
        ("left over", "network does not have 1 parameter, such as loss1/conv.weight"),
        ("not finite", "layer 'conv1/7x7_s2': expected finite numbers, found nan"),
        ("other shape", "expected 64x3x7x7, found 64x2x7x7"),
    ],
)
def test_a_file_that_does_not_fit_leaves_nothing(layers, tmp_path, how, message):
    file = write_caffemodel(tmp_path / "a.caffemodel", spoilt(layers, how))
    with pytest.raises(FullconvError, match=message) as error:
        convert("caffe", file, NET, tmp_path / "models" / "out")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "models").iterdir())


def test_a_later_failure_leaves_nothing(caffemodel, tmp_path):
    def fail(folder):
        assert (folder / "model.safetensors").is_file()
        raise FullconvError("no room")

    with pytest.raises(FullconvError, match="no room"):
        convert("caffe", caffemodel, NET, tmp_path / "out", fail)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_refused(caffemodel, tmp_path):
    (tmp_path / "precious.txt").write_text("keep")
    with pytest.raises(FullconvError, match="not an empty folder; choose another --out"):
        convert("caffe", caffemodel, NET, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_unknown_net_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(FullconvError, match="no published net 'fcn8'"):
        convert("caffe", tmp_path / "none", "fcn8", tmp_path / "out")


ATONCE = SimpleNamespace(scales={16: 0.01, 8: 0.0001})  # what check_scales asks of voc-fcn8s-atonce


def test_the_scale_layers_hold_the_configs_constants():
    right = {"scale_pool4.weight": torch.full((512,), 0.01), "scale_pool3.weight": torch.full((256,), 0.0001)}
    assert check_scales(right, ATONCE) == list(right)
    assert check_scales({}, ATONCE) == []
    wrong = {**right, "scale_pool3.weight": torch.tensor([0.0001, 0.0002])}
    with pytest.raises(FullconvError, match=r"scale_pool3\.weight: expected the constant 0\.0001, found .* to 0\.0002"):
        check_scales(wrong, ATONCE)


def test_a_net_without_scales_has_no_place_for_them(layers):
    source = {"scale_pool4.weight": torch.ones(1)}
    with pytest.raises(FullconvError, match="weights do not fit"):
        import_weights(source, published.build(NET))


def run_command(caffemodel, out, *options):
    result = CliRunner().invoke(
        command, ["convert", "caffe", str(caffemodel), "--net", NET, "--out", str(out), *options]
    )
    assert result.exception is None, result.exception
    return result.output


@pytest.mark.slow
def test_the_command_makes_a_model_that_predicts_without_torch(caffemodel, tmp_path):
    pytest.importorskip("onnxscript")
    out = tmp_path / "googlenet"
    run_command(caffemodel, out, "--onnx")
    image = np.random.default_rng(0).integers(0, 256, (45, 61, 3), np.uint8)
    found = fullconv.load(out, engine="onnxruntime").predict(image, scores=True)
    model, _ = load_model(out)
    with torch.inference_mode():
        expected = model(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()
    assert found.label_map.shape == (45, 61)
    assert np.abs(found.scores - expected).max() < 0.01 * np.ptp(expected)  # its kernels are of half precision


def test_the_graph_appears_with_the_folder_or_not_at_all(caffemodel, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "fullconv.exporting.onnx.export_onnx", lambda folder: (folder / "model.onnx").write_bytes(b"graph")
    )
    printed = run_command(caffemodel, tmp_path / "out", "--onnx")
    assert "1 reshaped (upscore.weight), 0 start untrained, 0 unused" in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"config.json", "model.safetensors", "model.onnx"}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["name"] == NET


def test_without_a_graph(caffemodel, tmp_path):
    run_command(caffemodel, tmp_path / "out", "--no-onnx")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.slow
def test_half_a_gigabyte_is_imported_in_bounded_memory():
    benchmark = Path(__file__).parents[2] / "benchmarks" / "import_memory.py"
    printed = subprocess.run([sys.executable, benchmark], check=True, capture_output=True, text=True).stdout
    found = re.fullmatch(r"(\d+) MB imported .* (\d+) MB", printed.strip())
    assert int(found[1]) > 540
    assert int(found[2]) < 1300
