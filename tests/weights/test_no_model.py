import pytest

from fullconv.errors import FullconvError
from fullconv.prediction.predictor import load
from fullconv.weights.model_folder import find_model


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """runs/roads, a training run with a model, and the model folder `exported`."""
    for folder in (tmp_path / "runs" / "roads" / "model", tmp_path / "exported"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_bytes((find_model("photos") / "config.json").read_bytes())
    (tmp_path / "runs" / "roads" / "last.pt").touch()
    (tmp_path / "runs" / "roads" / "model" / "model.onnx").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("runs/roads/model/model.onnx", "runs/roads/model"),
        ("runs/roads/model/config.json", "runs/roads/model"),
        ("runs/roads/last.pt", "runs/roads"),
    ],
)
def test_a_file_of_a_model_is_refused_with_the_folder_to_give(runs, given, folder):
    with pytest.raises(FullconvError, match=f"^{given}: is a file; give the model folder, {folder}$"):
        find_model(given)


def test_another_file_is_refused_too(runs, tmp_path):
    (tmp_path / "runs" / "net.onnx").touch()
    with pytest.raises(FullconvError, match=r"^runs/net.onnx: is a file; give the model folder$"):
        find_model("runs/net.onnx")


@pytest.mark.parametrize(
    ("given", "near"), [("runs/road", "runs/roads"), ("runs", "runs/roads"), ("export", "exported"), ("foto", "photos")]
)
def test_a_model_with_a_similar_name_is_suggested(runs, given, near):
    with pytest.raises(FullconvError, match=rf"^no model '{given}'.*; did you mean {near}\?$"):
        find_model(given)


@pytest.mark.parametrize("given", ["runs/lakes", "nowhere/roads", "x\0y"])
def test_nothing_is_suggested_if_nothing_is_similar(runs, given):
    with pytest.raises(FullconvError, match=r"^no model '.*config\.json$"):
        find_model(given)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "model_deepness.onnx",
            "^exported: contains only model_deepness.onnx, which is for the QGIS plugin Deepness; give",
        ),
        ("model.pt2", "^exported: contains only model.pt2, which is for torch.export.load; give the model folder"),
        ("model_int8.xml", "model.onnx: missing; model_int8.xml is there; add precision='int8' to use it"),
    ],
)
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_export_for_another_program_is_named(runs, tmp_path, name, said, engine):
    (tmp_path / "exported" / name).touch()
    with pytest.raises(FullconvError, match=said):
        load("exported", engine)
