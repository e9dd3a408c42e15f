"""Runs schemathesis, which sends requests that the OpenAPI description allows, and many that it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

REQUESTS = 25  # for each endpoint and kind of test


@pytest.mark.slow
def test_the_server_conforms_to_its_openapi_description(server, tmp_path):
    schemathesis = Path(sys.executable).parent / "schemathesis"
    if not schemathesis.is_file():
        pytest.skip("schemathesis is not installed")
    command = [schemathesis, "run", f"{server.address}/openapi.json", "--max-examples", str(REQUESTS), "--seed", "1"]
    command += ["--exclude-checks", "positive_data_acceptance"]  # no schema can say which bytes are a picture
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
