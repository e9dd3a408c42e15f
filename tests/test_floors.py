"""The least versions that pyproject.toml declares, and no newer ones, in an environment of their own: they work."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tests.discs import draw_photo

ROOT = Path(__file__).parent.parent
EXTRAS = ("geo", "serve")  # beside the light core; the others bring gigabytes
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # what is installed, alone
LEAST = re.compile(r"(?P<name>[\w-]+)(\[\w+\])?>=(?P<version>[\d.]+)")


def floors() -> list[str]:
    """ "numpy==2.0" for each requirement of the light core and of EXTRAS."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in EXTRAS for one in project["optional-dependencies"][extra])]
    found = [LEAST.match(requirement) for requirement in wanted]
    return [f"{match['name']}=={match['version']}" for match in found]


def test_every_requirement_has_a_least_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: wanted for name, wanted in project["optional-dependencies"].items() if name not in ("dev", "test")}
    for requirement in [*project["dependencies"], *(one for wanted in extras.values() for one in wanted)]:
        assert LEAST.match(requirement) or requirement.startswith("fullconv["), requirement


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment of exactly the least versions."""
    folder = tmp_path_factory.mktemp("floors")
    (folder / "constraints.txt").write_text("\n".join(floors()))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", folder / "constraints.txt", f"{ROOT}[{','.join(EXTRAS)}]"], check=True)
    return python


@pytest.fixture
def data(tmp_path):
    """Pairs of pictures and masks, and one of the pictures as a GeoTIFF."""
    pytest.importorskip("rasterio")
    from tests.prediction.scenes import write_scene

    for split, seed in (("train", 0), ("train", 1), ("val", 2)):
        image, label_map = draw_photo((96, 128), seed)
        for kind, array in (("images", image), ("masks", label_map)):
            (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / kind / split / f"{seed}.png")
    (tmp_path / "data.yaml").write_text("path: .\nnames: [background, cat]\n")
    write_scene(tmp_path / "a.tif", image)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "images", "--save", "labels,masks,overlay,polygons"),
        ("predict", "a.tif", "--tile", "64", "--save", "labels,polygons,geopackage"),
        ("check", "data.yaml"),
        ("evaluate", "data.yaml"),
    ],
    ids=["photos", "raster", "check", "evaluate"],
)
def test_the_least_versions_work(python, data, arguments):
    done = subprocess.run(
        [python, "-m", "fullconv", *arguments], cwd=data, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_server_of_the_least_versions_answers(python, data):
    from tests.hostile.works import ask

    server = subprocess.Popen(
        [python, "-m", "fullconv", "serve", "--port", "0", "--workers", "1"],
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    try:
        address = re.search(r"(http://\S+) serves", server.stdout.readline())[1]
        assert ask(address, (data / "images" / "val" / "2.png").read_bytes()).startswith(b"\x89PNG")
    finally:
        server.terminate()
        server.wait()
