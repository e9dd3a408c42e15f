"""Imports only go downwards and in no circle, and each heavy library has one home."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "fullconv"
LAYERS = [
    {"errors", "jpeg2000", "logger", "netpbm", "png", "processors", "strips", "tables", "tiff", "words"},
    {"locks", "orientation"},
    {"files"},
    {"damage", "listed"},
    {"typed_values"},
    {"typed_json"},
    {"companions", "georeference"},
    {"scale"},
    {"raster_signs", "view"},
    {"raster"},
    {"classes", "images", "published_classes", "yaml_files"},
    {"overlay", "region_count", "softness"},
    {"segmentation", "sources"},
    {"models", "data", "outputs", "metrics"},
    {"weights"},
    {"prediction"},
    {"evaluation", "jobs", "labelling", "serving"},
    {"exporting"},
    {"figures"},
    {"training"},
    {"commands"},
    {"__main__"},
]
HOMES = {
    "openvino": {"prediction/engines/openvino.py"},
    "onnxruntime": {"prediction/engines/onnxruntime.py"},
    "nncf": {"exporting/openvino.py"},
    "onnx": {"exporting/onnx.py", "exporting/deepness.py"},
    "onnxscript": {"exporting/onnx.py"},
    "timm": {"models/trunks.py"},
    "matplotlib": {"figures/canvas.py"},
    "cvat_sdk": {"labelling/cvat_function.py"},
    "safetensors": {"weights/tensors.py"},
    "huggingface_hub": {"weights/hub.py"},
    "scipy": {"data/mat.py"},
    "torchvision": {"training/transforms.py", "training/appearance.py", "training/crops.py"},
    "yaml": {"yaml_files.py"},
    "av": {"jobs/video_files.py"},
    "ray": {"jobs/cluster.py"},
    "pyarrow": {"jobs/stores.py"},
    "rasterio": {"georeference.py"},
    "pandas": {"outputs/class_table.py"},
    "pillow_heif": {"images.py"},
    "shapely": {"outputs/coverage.py"},
    "uvicorn": {"serving/server.py"},
    "prometheus_client": {"serving/metrics.py"},
}
# Segmentation.save is a convenience of the value for the reader at a prompt; it calls the writer above it.
ALLOWED = {("segmentation.py", "outputs")}
FILES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(part: str) -> int:
    return next(i for i, parts in enumerate(LAYERS) if part in parts)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p != ROOT / "__init__.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_go_downwards(path):
    name = path.relative_to(ROOT).as_posix()
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for imported in imports(path):
        parts = imported.split(".")
        if parts[0] != "fullconv" or parts[1] in ("__version__", own) or (name, parts[1]) in ALLOWED:
            continue
        assert layer(parts[1]) < layer(own), f"{name} imports fullconv.{parts[1]}"


def test_no_modules_import_each_other():
    """Neither directly nor through others, at whatever place in a file the import stands."""
    modules = {module_name(path): path for path in FILES if path != ROOT / "__init__.py"}
    graph = {
        module: {name if name in modules else name.rpartition(".")[0] for name in imports(path) if counts(path, name)}
        for module, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' ← '.join(error.args[1])}")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if path.name == "__init__.py" else parts)


def counts(path: Path, imported: str) -> bool:
    """Whether an import counts: one of this package that is not among those in ALLOWED."""
    first, _, rest = imported.partition(".")
    return first == "fullconv" and (path.relative_to(ROOT).as_posix(), rest.partition(".")[0]) not in ALLOWED


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_in_one_place(library):
    users = {p.relative_to(ROOT).as_posix() for p in FILES if any(i.split(".")[0] == library for i in imports(p))}
    assert users == HOMES[library]


@pytest.mark.parametrize("folder", ["data", "outputs", "prediction", "prediction/engines"])
def test_no_torch_at_import(folder):
    package = f"fullconv.{folder.replace('/', '.')}"
    modules = ",".join(f"{package}.{p.stem}" for p in (ROOT / folder).glob("*.py") if p.stem != "__init__")
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_open_no_file():
    for path in (ROOT / "models").glob("*.py"):
        names = imports(path)
        assert not any(name.startswith(("pathlib", "os", "io", "json")) for name in names), path
        assert "open(" not in path.read_text(), path
