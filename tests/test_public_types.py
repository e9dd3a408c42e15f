"""A user's script passes mypy --strict."""

import subprocess
import sys

import pytest

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


def test_a_users_script_passes_mypy_strict(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
