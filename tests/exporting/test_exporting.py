"""What is exported gives the labels of its source, or is not written."""

import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch
from click.testing import CliRunner

from fullconv import load
from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from fullconv.exporting import export as exporting
from fullconv.exporting import openvino as openvino_files
from fullconv.exporting import parity
from fullconv.files import staged
from fullconv.models import published
from fullconv.prediction.engines.openvino import OpenVINO
from fullconv.weights.model_files import write_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.tensors import write_tensors


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(find_model("photos"), tmp_path / "photos")


def run(*arguments):
    return CliRunner().invoke(fullconv, ["export", *map(str, arguments)])


@pytest.mark.parametrize(("to", "files"), [("openvino", ["model.bin", "model.xml"]), ("torch", ["model.pt2"])])
def test_an_export_is_compared_at_three_sizes(folder, to, files, monkeypatch):
    photos = parity.own_photos()[:1]
    monkeypatch.setattr(parity, "own_photos", lambda: photos)
    result = run(folder, "--to", to)
    assert result.exit_code == 0, result.output
    assert all(
        f"{size}: 1.0000" in result.output or f"{size}: 0.9999" in result.output for size in ("128x96", "512x384")
    )
    assert all((folder / name).is_file() for name in files)
    assert not list(folder.glob(".*"))
    progress = f"writing photos for {to}\ncomparing its labels with those of its source; this can take a minute\n"
    assert progress in result.stderr


HARD_FOR_TENSORRT = {"NonZero", "Loop", "If", "MaxUnpool", "BitShift"}  # or not known to it


@pytest.mark.parametrize("name", ["photos", "camvid", "fresh"])
def test_the_graph_is_what_tensorrt_documents(folder, name):
    """uint8 goes in and comes out through a Cast and nowhere else; operators of the standard, none of the hard ones."""
    from fullconv.exporting.onnx import OPSET, export_onnx

    graph = onnx.load(export_onnx(folder) if name == "fresh" else find_model(name) / "model.onnx").graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    assert (kinds["image"], kinds["label_map"]) == (onnx.TensorProto.UINT8, onnx.TensorProto.UINT8)
    assert [node.op_type for node in graph.node if "image" in node.input] == ["Cast"]
    assert [node.op_type for node in graph.node if "label_map" in node.output] == ["Cast"]
    assert {node.domain for node in graph.node} == {""}
    assert all(onnx.defs.has(node.op_type) for node in graph.node)
    assert not HARD_FOR_TENSORRT & {node.op_type for node in graph.node}
    assert 9 <= OPSET <= 24  # of TensorRT 10.15


def test_openvino_reads_its_own_file_without_model_onnx(folder):
    openvino_files.write_ir(folder, folder)
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    before = load(folder, engine="openvino", precision="fp32").predict(image).label_map
    (folder / "model.onnx").unlink()
    after = load(folder, precision="fp32")
    assert after.engine.graph.name == "model.xml"
    assert (after.predict(image).label_map == before).all()


def test_another_networks_labels_fail_the_export_and_leave_no_file(folder, monkeypatch):
    """A graph whose scores are turned round: every label differs, and no file stays."""

    def spoilt(source, out):
        graph = onnx.load(source / "model.onnx")
        for node in graph.graph.node:
            if node.op_type == "ArgMax":
                node.op_type = "ArgMin"
        onnx.save(graph, out.parent / "spoilt.onnx")
        monkeypatch.setattr(openvino_files, "folder_graph", lambda _: out.parent / "spoilt.onnx")
        return write_ir(source, out)

    write_ir = openvino_files.write_ir
    monkeypatch.setattr(openvino_files, "write_ir", spoilt)
    result = run(folder, "--to", "openvino")
    assert isinstance(result.exception, FullconvError)
    assert "labels differ from those of its source" in str(result.exception)
    assert not (folder / "model.xml").exists()
    assert not list(folder.glob(".*"))


def test_int8_needs_pictures_and_openvino(folder):
    assert "--data" in str(run(folder, "--int8").exception)
    with pytest.raises(FullconvError, match="--int8 --data"):
        load(folder, precision="int8")
    with pytest.raises(FullconvError, match="openvino"):
        load(folder, engine="torch", precision="int8")


def test_int8_runs_and_is_close_and_prints_nothing(folder, tmp_path, capfd, monkeypatch):
    pytest.importorskip("nncf")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))  # torch would warn that there is no CUDA runtime
    sys.modules.pop("torch.utils.cpp_extension", None)
    photos = parity.own_photos()
    batches = [np.ascontiguousarray(photo[:256, :320])[None] for photo in photos]
    openvino_files.write_int8(folder, folder, batches)
    assert tuple(capfd.readouterr()) == ("", "")
    model, exact = load(folder, precision="int8"), load(folder, precision="fp32")
    assert (model.engine.name, model.engine.precision) == ("openvino", "int8")
    equal = [(model.engine.label_maps(b) == exact.engine.label_maps(b)).mean() for b in batches]
    assert 0.8 < np.mean(equal) < 1


def test_nncf_shows_its_bars_on_a_terminal_only(monkeypatch):
    rich = pytest.importorskip("rich")
    for on_a_terminal in (True, False):
        monkeypatch.setattr(rich.get_console(), "_force_terminal", on_a_terminal)
        with openvino_files.quiet_nncf():
            assert rich.get_console().quiet is not on_a_terminal
    assert not rich.get_console().quiet


def test_int8_of_a_net_with_a_wide_border(tmp_path, monkeypatch):
    """The form that spares it: its empty frame, all zeros, has no range, and shares kernels with what has."""
    pytest.importorskip("nncf")
    from fullconv.exporting.onnx import export_onnx

    net = narrowed(published.build("voc-fcn32s")).eval()
    monkeypatch.setattr("fullconv.weights.checkpoint.load_model", lambda _: (net, published.config("voc-fcn32s")))
    write_config(tmp_path, published.config("voc-fcn32s"))
    write_tensors(tmp_path / "model.safetensors", net.state_dict())
    photo = np.ascontiguousarray(parity.own_photos()[0][:60, :90])[None]
    exact = OpenVINO(export_onnx(tmp_path), "fp32", 1)
    quantised = openvino_files.write_int8(tmp_path, tmp_path, [photo])
    equal = (OpenVINO(quantised, "int8", 1).label_maps(photo) == exact.label_maps(photo)).mean()
    assert equal > 0.9
    assert kernel_types(quantised) == {"i8": 13 + 2 + 1, "f32": 10}  # VGG, fc6 and fc7, score_fr; conv1 to conv4


def kernel_types(graph):
    """{type of numbers: how many convolutions hold kernels of it}."""
    nodes = openvino.Core().read_model(graph).get_ordered_ops()
    return Counter(stored_type(n.input_value(1).get_node()) for n in nodes if n.get_type_name() == "Convolution")


def stored_type(node):
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return node.output(0).get_element_type().to_string()


def narrowed(net):
    """The net with eight channels a map."""
    torch.manual_seed(0)
    for module in list(net.modules()):
        for name, layer in module.named_children():
            if type(layer) is torch.nn.Conv2d:
                outside = layer.out_channels if name.startswith("score") else 8
                inside = min(layer.in_channels, 8)
                setattr(module, name, torch.nn.Conv2d(inside, outside, layer.kernel_size, padding=layer.padding))
    return net


def test_staged_files_appear_together_or_not_at_all(tmp_path):
    def stage(name):
        with staged(tmp_path) as hidden:
            (hidden / "a").write_text("a")
            (hidden / name).write_text("b")

    with pytest.raises(FileNotFoundError):
        stage("no such folder/b")
    assert not list(tmp_path.iterdir())
    stage("b")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_out_becomes_a_complete_model_folder(folder, tmp_path, monkeypatch):
    """Without torch: the graph is there."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(exporting, "own_photos", lambda photos=parity.own_photos: photos()[:1])
    monkeypatch.chdir(tmp_path / "photos")
    before = sorted(find_model("camvid").iterdir())
    done = exporting.export("camvid")
    assert done.files == (Path("camvid/model.onnx"),)
    assert sorted(find_model("camvid").iterdir()) == before
    assert load("camvid/").classes == load("camvid").classes
    assert sorted(path.name for path in Path("camvid").iterdir()) == ["README.md", "config.json", "model.onnx"]
    elsewhere = exporting.export(folder, to="openvino", out=tmp_path / "ir")
    assert {path.name for path in elsewhere.files} == {"model.xml", "model.bin"}
    assert load(tmp_path / "ir").engine.name == "openvino"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "onyx"}, "choose from onnx, openvino, torch, deepness; did you mean onnx"),
        ({"int8": True}, "int8.*needs to="),
    ],
)
def test_impossible_requests_give_a_one_line_error(arguments, message):
    with pytest.raises(FullconvError, match=message):
        exporting.export("photos", **arguments)


@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_without_parameters_the_error_names_no_option_that_export_lacks(to, tmp_path):
    shutil.copyfile(find_model("photos") / "config.json", tmp_path / "config.json")  # as --to deepness leaves it
    error = str(run(tmp_path, "--to", to).exception)
    assert f"model.safetensors: missing, and {to} is made from it; export another model" in error
