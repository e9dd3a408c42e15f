"""fullconv download, as a user sees it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fullconv.commands.main import fullconv
from fullconv.data.catalogue import CAMVID, CITYSCAPES, SOURCES, VOC2012
from fullconv.errors import FullconvError
from tests.data_server import running, served, tar, zipped


@pytest.fixture
def server():
    with running() as server:
        yield server


def voc_tar() -> bytes:
    return tar({f"{VOC2012.inside}/{name}/x": bytes(99_000) for name in VOC2012.contains})


def run(*arguments, **options):
    return CliRunner().invoke(fullconv, ["download", *map(str, arguments)], **options)


def test_it_prints_the_source_the_terms_and_the_next_step(server, tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "voc2012", served(server, VOC2012, voc_tar()))
    result = run("voc2012", "--out", tmp_path / "voc")
    assert result.exit_code == 0, result.output
    assert VOC2012.homepage in result.stdout
    assert f"terms: {VOC2012.terms}\n" in result.stdout
    assert result.stdout.endswith(f"next: fullconv check {tmp_path / 'voc'}\n")
    assert result.stderr == ""  # no bar, because this is no terminal


def test_a_second_run_sends_no_request(server, tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "voc2012", served(server, VOC2012, voc_tar()))
    run("voc2012", "--out", tmp_path / "voc")
    server.requests.clear()
    result = run("voc2012", "--out", tmp_path / "voc")
    assert result.exit_code == 0
    assert "already exists" in result.stdout
    assert server.requests == []


def test_the_default_folder_is_named_after_the_data(server, tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "voc2012", served(server, VOC2012, voc_tar()))
    monkeypatch.chdir(tmp_path)
    run("voc2012")
    assert (tmp_path / "data/voc2012/JPEGImages").is_dir()


def test_unverified_archives_are_listed_with_their_checksums(server, tmp_path, monkeypatch):
    content = zipped({f"{CAMVID.inside}/{name}/x": b"" for name in CAMVID.contains})
    monkeypatch.setitem(SOURCES, "camvid", served(server, CAMVID, content))
    refused = run("camvid", "--out", tmp_path / "camvid")
    assert isinstance(refused.exception, FullconvError)
    result = run("camvid", "--out", tmp_path / "camvid", "--unverified")
    assert re.search(
        r"^not verified \(no published checksum\): http.*, SHA-256 [0-9a-f]{64}$", result.stdout, re.MULTILINE
    )


@pytest.fixture
def cityscapes(server, monkeypatch):
    halves = [zipped({f"{name}/x": b"" for name in CITYSCAPES.contains[i::2]}) for i in (0, 1)]
    monkeypatch.setitem(SOURCES, "cityscapes", served(server, CITYSCAPES, *halves))
    monkeypatch.delenv("CITYSCAPES_USERNAME", raising=False)
    monkeypatch.delenv("CITYSCAPES_PASSWORD", raising=False)
    server.password = "secret"
    return server


def test_a_missing_login_gives_a_one_line_error_that_names_the_variables(cityscapes, tmp_path):
    result = run("cityscapes", "--out", tmp_path / "c")
    assert isinstance(result.exception, FullconvError)
    message = str(result.exception)
    assert "CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD" in message
    assert "\n" not in message
    assert cityscapes.requests == []


def test_the_login_is_read_from_the_environment(cityscapes, tmp_path):
    result = run(
        "cityscapes", "--out", tmp_path / "c", env={"CITYSCAPES_USERNAME": "a", "CITYSCAPES_PASSWORD": "secret"}
    )
    assert result.exit_code == 0, result.exception
    assert "secret" not in result.output


def test_the_login_is_asked_for_on_a_terminal(cityscapes, tmp_path, monkeypatch):
    monkeypatch.setattr("fullconv.commands.download.can_ask", lambda: True)
    result = run("cityscapes", "--out", tmp_path / "c", input="ann\nsecret\n")
    assert result.exit_code == 0, result.exception
    assert "secret" not in result.output


WITH_LOCAL_SOURCE = """
import sys
from dataclasses import replace
from fullconv.commands.main import main
from fullconv.data.catalogue import SOURCES, Archive
url, sha256, out = sys.argv[1:]
archive = Archive(url, SOURCES["voc2012"].archives[0].filename, sha256)
SOURCES["voc2012"] = replace(SOURCES["voc2012"], archives=(archive,))
sys.argv = ["fullconv", "download", "voc2012", "--out", out]
main()
"""


def test_on_a_terminal_a_bar_shows_the_time_left(server, tmp_path):
    archive = served(server, VOC2012, voc_tar()).archives[0]
    server.seconds = 2.5
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", WITH_LOCAL_SOURCE, archive.url, archive.sha256, str(tmp_path / "voc")]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        while piece := read(ours):
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rf"{archive.filename} .*%  00:00:0\d".encode(), shown)


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # on Linux, the other end was closed
        return b""
