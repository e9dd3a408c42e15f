"""What the tests share: where real data lies, tiny generated data, a tiny trained-looking model."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from fullconv.weights.model_files import read_config, write_config
from fullconv.weights.model_folder import find_model
from tests.discs import draw_photo

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Compiled blobs of one test never serve another run's."""
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def real_data():
    """A function name → folder of ../shared/data, which skips where it is absent."""
    root = Path(os.environ.get("FULLCONV_DATA", Path(__file__).parents[2] / "shared" / "data"))

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"no {name} under FULLCONV_DATA ({root})")
        return root / name

    return find


@pytest.fixture(scope="session")
def unenlarged(tmp_path_factory) -> Path:
    """A copy of `photos` that does not enlarge small pictures, so that many of them take little time."""
    folder = shutil.copytree(find_model("photos"), tmp_path_factory.mktemp("models") / "photos")
    write_config(folder, replace(read_config(folder), enlarge_to=None))
    return folder


@pytest.fixture(scope="session")
def disc_data(tmp_path_factory) -> Path:
    """A data YAML: two classes, 16 pictures to train on and 4 to validate, 64x80."""
    root = tmp_path_factory.mktemp("discs")
    for split, count in (("train", 16), ("val", 4)):
        for i in range(count):
            image, label_map = draw_photo((64, 80), seed=i + 100 * (split == "val"))
            for kind, array in (("images", image), ("masks", label_map)):
                folder = root / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / f"{i:02}.png")
    yaml = root / "discs.yaml"
    yaml.write_text("path: .\nnames: [background, disc]\n")
    return yaml
