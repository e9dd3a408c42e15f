"""model.onnx that is damaged, or another model's, is told in one line before it is run."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fullconv import load
from fullconv.errors import FullconvError
from fullconv.prediction.engines import choice
from fullconv.weights.model_files import CONFIG, GRAPH, PARAMETERS
from fullconv.weights.model_folder import BUNDLED
from fullconv.weights.onnx_file import Port, read_ports

CONTENT = (BUNDLED / "photos" / GRAPH).read_bytes()


@pytest.fixture
def folder(tmp_path):
    """photos' config.json alone."""
    shutil.copy(BUNDLED / "photos" / CONFIG, tmp_path)
    return tmp_path


def error_of(folder, **options) -> str:
    with pytest.raises(FullconvError) as error:
        load(folder, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_ports_of_a_graph():
    inputs, outputs = read_ports(BUNDLED / "photos" / GRAPH)
    assert inputs == {"image": Port(2, (None, None, None, 3))}
    assert outputs == {"label_map": Port(2, (None,) * 3), "scores": Port(1, (None, 21, None, None))}


def test_the_ports_are_what_onnx_reads(tmp_path):
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["a"], ["b"])], "g",
        [onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, ["N", 5])],
        [onnx.helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, None)],
    )  # fmt: skip
    onnx.save(onnx.helper.make_model(graph), tmp_path / "g.onnx")
    assert read_ports(tmp_path / "g.onnx") == ({"a": Port(1, (None, 5))}, {"b": Port(1, ())})


@pytest.mark.parametrize("engine", ["auto", "openvino", "onnxruntime"])
@pytest.mark.parametrize(
    "content",
    [b"", b"no graph at all", CONTENT[: len(CONTENT) // 2], CONTENT[:-1], CONTENT[:1000], b"\0" * 1000, b"\x08\x0a"],
    ids=["empty", "text", "half", "a byte short", "its beginning", "zeros", "it contains no graph"],
)
def test_a_damaged_graph_gives_a_one_line_error(folder, content, engine):
    (folder / GRAPH).write_bytes(content)
    assert f"{folder / GRAPH}: damaged, or not an ONNX graph" in error_of(folder, engine=engine)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_wrong_byte_in_the_header_gives_a_graph_or_a_one_line_error(folder, at, byte):
    (folder / GRAPH).write_bytes(CONTENT[:at] + bytes([byte]) + CONTENT[at + 1 :])
    message = ""
    try:
        read_ports(folder / GRAPH)
    except FullconvError as error:
        message = str(error)
    assert "\n" not in message


def test_a_graph_that_the_library_cannot_read_gives_a_one_line_error(folder, monkeypatch):
    """Its header is right and its nodes are not."""
    monkeypatch.setattr(choice, "check_graph", lambda *_: None)
    (folder / GRAPH).write_bytes(CONTENT[:5000])
    assert "model.onnx: damaged" in error_of(folder, engine="onnxruntime")
    with pytest.raises(FullconvError, match=r"model\.onnx: damaged") as error:
        load(folder, engine="openvino").predict(BUNDLED.parents[2] / "examples" / "chelsea.jpg")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_config_that_names_another_number_of_classes_is_refused(folder, change):
    shutil.copy(BUNDLED / "photos" / GRAPH, folder)
    config = json.loads((folder / CONFIG).read_text())
    names = [*config["classes"]["names"], "zebra"][: 21 + change]
    config["classes"] |= {"names": names, "colours": [*config["classes"]["colours"], [1, 1, 1]][: 21 + change]}
    (folder / CONFIG).write_text(json.dumps(config))
    message = error_of(folder, engine="openvino")
    assert (
        message
        == f"{folder / GRAPH}: has 21 classes, but config.json lists {21 + change}; restore files from the same model"
    )


def test_the_graph_of_another_model_is_reported(folder):
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([], "g", [value], [value])
    onnx.save(onnx.helper.make_model(graph), folder / GRAPH)
    assert "not a fullconv graph (image → label_map, scores)" in error_of(folder)


def test_a_folder_without_a_graph_says_so_where_there_is_no_torch(folder, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    assert error_of(folder) == (
        f"{folder / GRAPH}: missing; and there is no {PARAMETERS} to create it from; copy the model folder again"
    )
    (folder / PARAMETERS).touch()
    assert f"{folder / GRAPH}: missing; run `fullconv export {folder}` where torch is" in error_of(folder)
    monkeypatch.undo()
    assert f"{folder / PARAMETERS}: not a file of tensors" in error_of(folder)


def test_a_damaged_openvino_file_gives_a_one_line_error(folder):
    (folder / "model.xml").write_text("<net")
    assert "model.xml: damaged" in error_of(folder)


def test_an_openvino_file_with_other_classes_is_refused(folder):
    from fullconv.exporting.openvino import write_ir

    shutil.copy(BUNDLED / "photos" / GRAPH, folder)
    write_ir(folder, folder)
    (folder / GRAPH).unlink()
    assert load(folder, engine="openvino").engine.name == "openvino"
    config = json.loads((folder / CONFIG).read_text())
    config["classes"] |= {"names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, 1]]}
    (folder / CONFIG).write_text(json.dumps(config))
    assert "model.xml: has 21 classes, but config.json lists 2" in error_of(folder, engine="openvino")
    (folder / "model.bin").write_bytes(b"")
    assert "model.xml: " in error_of(folder, engine="openvino")
