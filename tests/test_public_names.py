"""The public face is exactly `__all__`, and importing it loads nothing heavy."""

import inspect
import subprocess
import sys

import pytest

import fullconv


def test_all_is_sorted_and_complete():
    assert (
        sorted(fullconv.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == fullconv.__all__
    )
    assert set(fullconv.__all__) == set(fullconv._HOMES) == set(dir(fullconv))


def public_members(owner):
    """The public methods and properties of a class, also those of its bases in this package."""
    own = [base for base in owner.__mro__ if base.__module__.startswith("fullconv.")]
    members = {name: value for base in own for name, value in vars(base).items() if not name.startswith("_")}
    return sorted(name for name, value in members.items() if callable(value) or hasattr(value, "__get__"))


@pytest.mark.parametrize("name", fullconv.__all__)
def test_every_public_name_and_method_says_what_it_does(name):
    value = getattr(fullconv, name)
    assert value.__doc__
    for member in public_members(value) if inspect.isclass(value) else ():
        assert inspect.getdoc(getattr(value, member)), member


def test_import_and_help_load_no_heavy_library():
    heavy = "{'torch', 'openvino', 'timm', 'numpy', 'PIL', 'onnx'}"
    code = f"import sys, fullconv, fullconv.commands.main; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


WITHOUT = """
import sys
for library in {missing!r}:
    sys.modules[library] = None
import fullconv
try:
    fullconv.{name}
except fullconv.FullconvError as error:
    assert isinstance(error, ImportError)
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "missing", "said"),
    [
        ("train", ["torch"], "torch is not installed; run: pip install 'fullconv[train]'"),
        ("FCN", ["torch"], "torch is not installed; run: pip install 'fullconv[train]'"),
        ("train", ["accelerate"], "accelerate is not installed; run: pip install 'fullconv[train]'"),
        ("load", ["torch", "timm"], ""),
        ("evaluate", ["torch", "timm"], ""),
        ("check", ["torch", "timm"], ""),
        ("export", ["torch", "timm", "onnx", "onnxruntime"], ""),
        ("open_dataset", ["torch", "timm"], ""),
        ("UNet", ["torch"], "torch is not installed; run: pip install 'fullconv[train]'"),
        ("load_network", ["torch"], "torch is not installed; run: pip install 'fullconv[train]'"),
    ],
)
def test_a_light_install_names_the_extra(name, missing, said):
    code = WITHOUT.format(name=name, missing=missing)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def test_help_in_a_light_install_shows_what_is_there():
    code = "import sys; sys.modules['torch'] = None; import importlib.util as u; real = u.find_spec\n"
    code += "u.find_spec = lambda name, *a: None if name == 'torch' else real(name, *a)\n"
    code += "import pydoc, fullconv; print(pydoc.plain(pydoc.render_doc(fullconv)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "class Model(" in done.stdout
    assert "evaluate(" in done.stdout


def test_a_library_that_is_imported_late_names_the_extra_too(monkeypatch, tmp_path):
    from fullconv.models.trunks import normalisation_of
    from fullconv.weights.tensors import read_tensors, write_tensors

    for library in ("timm", "safetensors", "safetensors.torch"):
        monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "a.safetensors").touch()
    with pytest.raises(fullconv.FullconvError, match="timm is not installed"):
        normalisation_of("resnet18")
    for call in (read_tensors, lambda path: write_tensors(path, {})):
        with pytest.raises(fullconv.FullconvError, match="safetensors is not installed"):
            call(tmp_path / "a.safetensors")
