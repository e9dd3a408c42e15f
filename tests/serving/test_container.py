"""Checks the text of the Dockerfile. It is not built, because tests cannot download a base image."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fullconv.commands.main import fullconv
from tests.conftest import EXAMPLES

TEXT = (EXAMPLES.parent / "Dockerfile").read_text().replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]


def last(step: str) -> str:
    return [rest for name, rest in STEPS if name == step][-1]


def test_the_base_image_is_slim_and_has_a_version():
    assert re.fullmatch(r"python:3\.\d+-slim", last("FROM"))


def test_nothing_runs_as_root():
    names = [name for name, _ in STEPS]
    assert last("USER") not in ("root", "0")
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]  # the installed files belong to root and cannot be changed


def test_the_entry_point_is_a_command_that_requires_a_token():
    program, *arguments = json.loads(last("ENTRYPOINT"))
    assert program == "fullconv"
    told = CliRunner().invoke(fullconv, arguments)
    assert "add --token TOKEN" in str(told.exception)


@pytest.mark.parametrize(("port", "code"), [(None, 0), (9, 1)])
def test_the_health_check_fails_if_the_server_does_not_answer(server, port, code):
    _, *check = json.loads(last("HEALTHCHECK").partition("CMD")[2])
    check[-1] = check[-1].replace("8000", str(port or server.port))
    assert subprocess.run([sys.executable, *check], capture_output=True, check=False).returncode == code
