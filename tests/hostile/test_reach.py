"""What commands reach, as the kernel sees it: no file beside data, output, cache, interpreter and libraries; no process
but fullconv's own workers, and git where `train` reads the commit; no connection."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import fullconv
from tests.hostile.works import TINY, photos, training_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]
CALLS = "open,openat,openat2,creat,execve,execveat,connect"
OPENED = re.compile(r'\b(?:open|openat|openat2|creat)\((?:[^,"<]*(?:<(?P<at>[^>]*)>)?, )?"(?P<path>[^"]*)".* = \d+')
STARTED = re.compile(r'\bexecve(?:at)?\(.*?"(?P<path>[^"]*)".* = 0')
CONNECTED = re.compile(r"\bconnect\(.*sa_family=AF_INET6?.*")
SYSTEM = (
    "/proc",
    "/sys",
    "/etc",
    "/dev",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/share",
    "/usr/local/lib",
    "/usr/local/share/fonts",
    "/var/cache/fontconfig",
)
OWN = [
    Path(path).resolve() for path in (sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), fullconv.__path__[0])
]
EXAMPLES = Path(__file__).parents[2] / "examples"  # which an export is compared on; in a wheel, part of the package
IMPORTED = {Path(path).resolve() for path in sys.path}  # which are listed, to find modules
COMMANDS = {
    "predict": ["predict", "photos", "--out", "out"],
    "check": ["check", "data.yaml"],
    "train": ["train", "data.yaml", *TINY, "--out", "out"],
    "export": [
        "export",
        "photos",
        "--to",
        "openvino",
        "--int8",
        "--data",
        "cats.yaml",
        "--max-loss",
        "1",
        "--out",
        "out",
    ],
}

# git reads the commit; the others are asked by libraries for fonts, for other libraries, and what machine this is.
HELPERS = {"train": {"git", "fc-list", "ldconfig", "uname"}, "export": {"ldconfig"}}
NEEDS = {"train": ("torch",), "export": ("nncf",)}  # whose telemetry would look up a host


@pytest.fixture
def folder(tmp_path):
    photos(tmp_path)
    training_data(tmp_path)
    (tmp_path / "cats.yaml").write_text("path: data\nnames: [background, cat]\n")
    (tmp_path / "home").mkdir()
    return tmp_path


def traced(command, folder) -> list[str]:
    """The calls of the command and of all that it starts. Descriptors are followed by the path they stand for."""
    for library in NEEDS.get(command, ()):
        pytest.importorskip(library)
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LANG", "VIRTUAL_ENV")
    } | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["strace", "-f", "-y", "--seccomp-bpf", "-s", "4096", "-e", f"trace={CALLS}", "-o", folder / "trace",
         sys.executable, "-m", "fullconv", *COMMANDS[command]],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return (folder / "trace").read_text(errors="replace").splitlines()


def elsewhere(lines, folder) -> set[str]:
    """The files that were opened and are none of those that a command may open."""
    allowed = [folder, EXAMPLES, *OWN]
    found = set()
    for line in lines:
        if opened := OPENED.search(line):
            path = Path(os.path.normpath(folder / (opened["at"] or "") / opened["path"]))
            inside = any(path.is_relative_to(place) or path.resolve().is_relative_to(place) for place in allowed)
            if not inside and path not in IMPORTED and not str(path).startswith(SYSTEM):
                found.add(str(path))
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reaches_nothing_else(command, folder):
    lines = traced(command, folder)
    assert sum(bool(OPENED.search(line)) for line in lines) > 100
    assert elsewhere(lines, folder) == set()
    started = {Path(match["path"]).name for match in map(STARTED.search, lines) if match}
    assert started <= {Path(sys.executable).name} | HELPERS.get(command, set())
    assert not [line for line in lines if CONNECTED.search(line)]
    assert not (folder / "home" / "intel").exists()  # where telemetry of OpenVINO's and NNCF's keeps its number
    print(f"{command}: {sum(bool(OPENED.search(line)) for line in lines)} files opened, started {sorted(started)}")


def test_what_is_reached_beyond_is_seen(folder):
    """The test of the test: a secret beside the folder, a program, an address."""
    code = (
        "import socket, subprocess; open('/var/tmp/../../bin/true'); subprocess.run(['true']); "
        "socket.socket().connect_ex(('127.0.0.1', 9))"
    )
    subprocess.run(
        ["strace", "-f", "-y", "-e", f"trace={CALLS}", "-o", folder / "trace", sys.executable, "-c", code], check=True
    )
    lines = (folder / "trace").read_text().splitlines()
    assert any(path.endswith("bin/true") for path in elsewhere(lines, folder))
    assert "true" in {Path(match["path"]).name for match in map(STARTED.search, lines) if match}
    assert [line for line in lines if CONNECTED.search(line)]
