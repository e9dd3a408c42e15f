"""A file for the QGIS plugin Deepness: read as the plugin reads it, it gives fullconv's labels."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv import load
from fullconv.commands.main import fullconv
from fullconv.exporting import export as exporting
from fullconv.exporting.deepness import write_deepness
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model
from tests.conftest import EXAMPLES


def run(*arguments):
    return CliRunner().invoke(fullconv, ["export", *map(str, arguments)])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("deepness")
    done = run("camvid", "--to", "deepness", "--out", out, "--resolution", "30")
    assert done.exit_code == 0, done.output
    return out / "model_deepness.onnx"


def as_the_plugin(session: onnxruntime.InferenceSession, tile: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 → probabilities (classes, H, W), by the plugin's own steps: 0–1, standardised, channels first."""
    told = session.get_modelmeta().custom_metadata_map
    mean, std = (np.float32(json.loads(told[f"standardization_{key}"])) for key in ("mean", "std"))
    values = (np.float32(tile[None] * 1.0 / 255.0) - mean) / std
    (given,) = session.get_inputs()
    (found,) = session.run(None, {given.name: np.transpose(values, (0, 3, 1, 2))})
    return found[0]


def test_labels_are_those_of_fullconv(written):
    session = onnxruntime.InferenceSession(str(written))
    for name in ("chelsea.jpg", "astronaut.jpg"):
        tile = np.asarray(Image.open(EXAMPLES / name).convert("RGB").resize((512, 512)))
        probabilities = as_the_plugin(session, tile)
        assert probabilities.sum(0) == pytest.approx(1, abs=1e-5)
        assert probabilities.min() >= 0
        model = replace(
            load("camvid", engine="onnxruntime"), config=replace(read_config(find_model("camvid")), longest_side=None)
        )
        assert np.array_equal(probabilities.argmax(0), model.predict(tile).label_map)


def test_what_the_plugin_fills_its_form_with(written):
    session = onnxruntime.InferenceSession(str(written))
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert given.shape[1:] == [3, 512, 512]
    assert isinstance(given.shape[0], str)  # any number of tiles at once
    assert found.shape[1:] == [11, 512, 512]
    told = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert told["model_type"] == "Segmentor"
    assert [told["class_names"][str(i)] for i in range(11)] == list(load("camvid").classes.names)
    assert (told["tile_size"], told["tiles_size"], told["resolution"]) == (512, 512, 30)
    assert told["seg_thresh"] == 0  # each pixel keeps its best class


def test_nothing_unused_is_left_in_the_graph(written):
    graph = onnx.load(written).graph
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    assert {tensor.name for tensor in graph.initializer} <= used
    assert "ArgMax" not in {node.op_type for node in graph.node}


def test_other_labels_fail_the_export_and_leave_no_file(tmp_path, monkeypatch):
    folder = shutil.copytree(find_model("camvid"), tmp_path / "camvid")

    def spoilt(source, config, out, resolution):
        path = write_deepness(source, config, out, resolution)
        model = onnx.load(path)
        next(t for t in model.graph.initializer if t.name == "values_of_one").CopyFrom(
            onnx.helper.make_tensor("values_of_one", onnx.TensorProto.FLOAT, [], [1.0])
        )
        onnx.save(model, path)
        return path

    monkeypatch.setattr(exporting, "write_deepness", spoilt)
    assert "labels differ from those of its source" in str(run(folder, "--to", "deepness").exception)
    assert not (folder / "model_deepness.onnx").exists()


def test_options_without_effect_are_refused():
    assert "--to deepness" in str(run("camvid", "--resolution", "30").exception)
    assert "cannot be scored here" in str(run("camvid", "--to", "deepness", "--data", EXAMPLES).exception)
