"""The public face is exactly `__all__`, and importing it loads nothing heavy."""

import subprocess
import sys

import fullconv


def test_all_is_sorted_and_complete():
    assert (
        sorted(fullconv.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == fullconv.__all__
    )
    assert set(fullconv.__all__) == set(fullconv._HOMES) == set(dir(fullconv))


def test_every_public_name_is_there():
    for name in fullconv.__all__:
        assert getattr(fullconv, name).__doc__


def test_import_and_help_load_no_heavy_library():
    heavy = "{'torch', 'openvino', 'timm', 'numpy', 'PIL', 'onnx'}"
    code = f"import sys, fullconv, fullconv.commands.main; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
