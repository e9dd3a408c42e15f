"""docs/python.md does what it says, in one go from top to bottom; and a user's script passes mypy --strict."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fullconv

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SCRIPT = """\
import os
import zipfile
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from PIL import Image

import fullconv

model: fullconv.Model = fullconv.load("photos", precision="fp32")
result = model.predict(np.zeros((64, 96, 3), np.uint8), scores=True)
content = Path("a.jpg").read_bytes()
for picture in ("a.jpg", Path("a.jpg"), content, bytearray(content), memoryview(content), Image.open("a.jpg")):
    model.predict(picture)
model.predict(open("a.jpg", "rb"))
fullconv.predict(zipfile.ZipFile("a.zip").open("a.jpg"))
model.predict_many(NamedTemporaryFile())
folder: os.PathLike[str] = Path("photos")
model.predict_many(folder, on_error=lambda source, error: print(source, error))
model.predict_many([open("a.jpg", "rb")])
share: float = result.shares.get("cat", 0.0)
cat = result.mask("cat")
for one in model.predict_many("photos/"):
    print(one.classes.names, one.label_map.shape, int(cat.sum()), share)
numbers = fullconv.evaluate(model, "data.yaml", split="val")
net = fullconv.FCN(classes=21, stride=8, trunk="resnet18")
print(numbers["mean_iou"], net.architecture.stride, fullconv.check("data.yaml").failed)
"""


def test_the_blocks_on_other_tools_run(tmp_path, monkeypatch):
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    pytest.importorskip("torch")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    first, second = BLOCK.findall((ROOT / "docs" / "integrations.md").read_text())
    exec(compile(first, "docs/integrations.md", "exec"), names)
    result, detections = names["result"], names["detections"]
    assert isinstance(detections, supervision.Detections)
    assert list(detections["class_name"]) == ["cat"]
    assert (detections.mask[0] == result.mask("cat")).all()
    assert detections.confidence[0] == pytest.approx(result.confidence[result.mask("cat")].mean())
    assert (names["picture"] != result.image[:, :, ::-1]).any()
    exec(compile(second, "docs/integrations.md", "exec"), names)
    again = names["detections"]
    assert (again.mask[list(again["class_name"]).index("cat")] == result.mask("cat")).all()


def test_every_block_of_the_page_runs(tmp_path, disc_data, monkeypatch):
    pytest.importorskip("onnxruntime")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(disc_data.parent, tmp_path / "discs")
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((ROOT / "docs" / "python.md").read_text())
    assert len(blocks) > 6
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert Path("masks/chelsea_cat.png").is_file()
    alike = fullconv.load("photos", engine="onnxruntime", precision="fp32").predict("examples/chelsea.jpg")
    assert (names["label_map"] == alike.label_map).all()  # of the block without fullconv


def test_a_users_script_passes_mypy_strict(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
