"""Runs schemathesis, which sends requests that the OpenAPI description allows, and many that it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from fullconv.serving.endpoint import Endpoint, openapi_document
from tests.serving.running import running

REQUESTS = 25  # for each endpoint and kind of test


def test_the_token_is_described_if_the_server_requires_one():
    open_and_not = [
        Endpoint("GET", "/v2/health/live", None, {"operationId": "live"}),
        Endpoint("GET", "/models", None, {"operationId": "models"}),
    ]
    told = openapi_document(open_and_not, needs_token=True)
    assert told["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert told["security"] == [{"token": []}]
    assert told["paths"]["/v2/health/live"]["get"]["security"] == []
    assert "security" not in told["paths"]["/models"]["get"]
    assert "security" not in str(openapi_document(open_and_not, needs_token=False))


@pytest.mark.slow
@pytest.mark.parametrize("token", [None, "secret"])
def test_the_server_conforms_to_its_openapi_description(token, tmp_path):
    schemathesis = Path(sys.executable).parent / "schemathesis"
    if not schemathesis.is_file():
        pytest.skip("schemathesis is not installed")
    with running(*(["--token", token] if token else [])) as server:
        conforms(schemathesis, server.address, token, tmp_path)


def conforms(schemathesis, address, token, tmp_path):
    command = [schemathesis, "run", f"{address}/openapi.json", "--max-examples", str(REQUESTS), "--seed", "1"]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    command += ["--exclude-checks", "positive_data_acceptance"]  # no schema can say which bytes are a picture
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
