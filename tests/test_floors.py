"""The least versions that pyproject.toml declares, and no newer ones, in an environment of their own: they work."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

import fullconv
from tests.discs import draw_photo
from tests.weights.hub_server import running

ROOT = Path(__file__).parent.parent
EXTRAS = ("geo", "serve", "video", "heic", "pandas", "data", "hub", "export", "figures", "ray")
TRAINING = ("train",)  # torch for GPUs too: 6 GB
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # what is installed, alone
LEAST = re.compile(r"(?P<name>[\w-]+)(\[\w+\])?>=(?P<version>[\d.]+)")


def floors(extras: tuple[str, ...]) -> list[str]:
    """ "numpy==2.0" for each requirement of the light core and of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
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
    return new_environment(tmp_path_factory.mktemp("floors"), EXTRAS)


def new_environment(folder, extras):
    (folder / "constraints.txt").write_text("\n".join(floors(extras)))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", folder / "constraints.txt", f"{ROOT}[{','.join(extras)}]"], check=True)
    return python


def run(python, arguments, folder):
    return subprocess.run(
        [python, "-m", "fullconv", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def data(tmp_path):
    """Pairs of pictures and masks, one of the pictures as a GeoTIFF and as a HEIC photo, and a video."""
    pytest.importorskip("rasterio")
    heif = pytest.importorskip("pillow_heif")
    from tests.jobs.clips import write_clip
    from tests.prediction.scenes import write_scene

    for split, seed in (("train", 0), ("train", 1), ("val", 2)):
        image, label_map = draw_photo((96, 128), seed)
        for kind, array in (("images", image), ("masks", label_map)):
            (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / kind / split / f"{seed}.png")
    (tmp_path / "data.yaml").write_text("path: .\nnames: [background, cat]\n")
    write_scene(tmp_path / "a.tif", image)
    write_clip(tmp_path / "a.mp4", frames=8)
    heif.register_heif_opener()
    Image.fromarray(image).save(tmp_path / "a.heic")
    return tmp_path


CALIBRATED = ("--int8", "--data", "data.yaml", "--max-loss", "1")  # on two pictures, which is far too few
COMMANDS = {
    "photos": ("predict", "images", "a.heic", "--save", "labels,masks,overlay,polygons,csv"),
    "onnxruntime": ("predict", "images", "--engine", "onnxruntime"),
    "cluster": ("predict", "images", "--cluster", "ray", "--workers", "2"),
    "raster": ("predict", "a.tif", "--tile", "64", "--save", "labels,polygons,geopackage"),
    "video": ("predict", "a.mp4"),
    "check": ("check", "data.yaml"),
    "evaluate": ("evaluate", "data.yaml", "--confusion", "confusion.png"),
    "onnx": ("export", "photos", "--to", "onnx", "--out", "exported"),
    "int8": ("export", "photos", "--to", "openvino", "--out", "exported", *CALIBRATED),
}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_the_least_versions_work(python, data, arguments):
    done = run(python, arguments, data)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_model_comes_from_the_hub_and_a_table_from_pandas(python, data):
    bundled = Path(fullconv.__file__).parent / "bundled" / "photos"
    script = "import fullconv, sys; print(fullconv.load('hf://a/b').predict(sys.argv[1]).to_df().loc[0, 'class'])"
    with running() as hub:
        hub.add("a/b", {path.name: path.read_bytes() for path in bundled.iterdir()})
        home = {**ENVIRONMENT, "HF_ENDPOINT": hub.url, "HF_HOME": str(data / "hub")}
        command = [python, "-c", script, data / "images" / "val" / "2.png"]
        done = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "background", done.stderr


@pytest.mark.slow
@pytest.mark.skipif("FULLCONV_FLOORS" not in os.environ, reason="installs 6 GB: set FULLCONV_FLOORS=train to run it")
def test_the_least_versions_train(tmp_path, data):
    python = new_environment(tmp_path, TRAINING)
    done = run(python, ("train", "data.yaml", "--epochs", "1", "--out", "run"), data)
    assert done.returncode == 0, done.stderr
    done = run(python, ("predict", "images", "--model", "run", "--engine", "torch"), data)
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
