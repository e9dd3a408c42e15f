import os
import subprocess
import sys

import pytest

HEAVY = "{'numpy', 'PIL', 'openvino'}"
STARTED = """
from fullconv.serving.processes import processes
import math
if __name__ == "__main__":
    worker = processes().Process(target=math.sqrt, args=(4,))
    worker.start(), worker.join()
    print(type(processes()).__name__, worker.exitcode)
"""


def test_the_server_process_imports_no_heavy_library():
    modules = "fullconv.commands.serve, fullconv.serving.server, fullconv.weights.model_folder"
    code = f"import sys, {modules}; assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("there", [True, False])
def test_workers_start_with_and_without_a_temporary_folder(tmp_path, monkeypatch, there):
    script = tmp_path / "started.py"
    script.write_text(STARTED if there else f"import tempfile\ntempfile.tempdir = '/nowhere'\n{STARTED}")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    forked = there and sys.platform == "linux"
    assert done.stdout.split() == ["ForkServerContext" if forked else "SpawnContext", "0"], done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server is used on Linux only")
def test_the_preloaded_module_imports_the_engine_and_starts_no_thread():
    told = "print('openvino' in sys.modules, len(os.listdir('/proc/self/task')))"
    code = f"import fullconv.serving.preloaded, os, sys; {told}"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["True", "1"]
