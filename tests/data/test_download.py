"""Data sets fetched from a local server that breaks off, lies and forgets."""

from __future__ import annotations

import errno
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from urllib.request import Request

import numpy as np
import pytest
from PIL import Image

from fullconv.data import transfer
from fullconv.data.catalogue import CAMVID, CITYSCAPES, OXFORD_PETS, SOURCES, VOC2012, find_entry
from fullconv.data.description import open_dataset
from fullconv.data.download import download, is_there
from fullconv.data.transfer import Redirects
from fullconv.errors import FullconvError
from tests.data_server import packed, running, served, tar, zipped


@pytest.fixture
def server():
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(transfer, "WAIT", 0.0)


def quiet(label, total):
    return nullcontext(lambda count: None)


def picture(mode: str, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ones((4, 6) if mode == "L" else (4, 6, 3), np.uint8)).save(buffer, form)
    return buffer.getvalue()


def voc_tar(padding: int = 0) -> bytes:
    """A devkit with one photo; `padding` makes the archive longer."""
    return tar(
        {
            "VOCdevkit/VOC2012/JPEGImages/a.jpg": picture("RGB", "JPEG"),
            "VOCdevkit/VOC2012/SegmentationClass/a.png": picture("L", "PNG"),
            "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt": b"a\n",
            "VOCdevkit/VOC2012/Annotations/padding": os.urandom(padding),
        }
    )


def one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_downloaded_voc_folder_is_recognised(server, tmp_path):
    out = tmp_path / "deep" / "voc"
    download(served(server, VOC2012, voc_tar()), out, quiet)
    assert len(open_dataset(out).split("train")) == 1
    assert [path.name for path in out.parent.iterdir()] == ["voc"]  # no archive is left, no hidden folder


@pytest.mark.parametrize("name", SOURCES)
def test_every_data_set_is_recognised_after_download(name, server, tmp_path):
    """Archives laid out as the real ones; those of several archives are divided between them."""
    source = SOURCES[name]
    count = len(source.archives)
    contents = [
        packed(
            archive.filename,
            {f"{source.inside}/{entry}".removeprefix("./"): b"" for entry in source.contains[i::count]},
        )
        for i, archive in enumerate(source.archives)
    ]
    if source.login:
        server.password = "secret"
    out = tmp_path / name
    download(served(server, source, *contents), out, quiet, ("ann", "secret"), unverified=True)
    assert is_there(source, out)


def test_an_interrupted_transfer_is_resumed(server, tmp_path):
    content = voc_tar(1 << 20)
    server.breaks = [300_000, 400_000]
    download(served(server, VOC2012, content), tmp_path / "voc", quiet)
    assert [asked for _, _, asked in server.requests] == [None, "bytes=300000-", "bytes=700000-"]
    assert server.sent == len(content)  # no byte twice


def test_the_next_run_resumes_the_download(server, tmp_path):
    content = voc_tar(1 << 20)
    source = served(server, VOC2012, content)
    server.breaks = [300_000, 0, 0, 0]
    with pytest.raises(FullconvError, match="broke off at 300000 of") as error:
        download(source, tmp_path / "voc", quiet)
    assert "same command again" in one_line(error)
    assert not (tmp_path / "voc").exists()
    download(source, tmp_path / "voc", quiet)
    assert server.sent == len(content)
    assert open_dataset(tmp_path / "voc")


def test_a_download_restarts_if_the_server_has_no_ranges(server, tmp_path):
    content = voc_tar(1 << 20)
    server.ranges, server.breaks = False, [300_000]
    download(served(server, VOC2012, content), tmp_path / "voc", quiet)
    assert server.sent == 300_000 + len(content)
    assert open_dataset(tmp_path / "voc")


def test_a_server_that_always_disconnects_is_given_up(server, tmp_path):
    server.ranges, server.breaks = False, [300_000] * 99
    with pytest.raises(FullconvError, match="broke off"):
        download(served(server, VOC2012, voc_tar(1 << 20)), tmp_path / "voc", quiet)
    assert len(server.requests) == transfer.ATTEMPTS


def test_a_download_without_a_length_is_read_to_the_end(server, tmp_path):
    server.lengths = False
    download(served(server, VOC2012, voc_tar(1 << 20)), tmp_path / "voc", quiet)
    assert open_dataset(tmp_path / "voc")


def test_a_busy_server_is_retried(server, tmp_path):
    server.statuses = [503, 429]
    download(served(server, VOC2012, voc_tar()), tmp_path / "voc", quiet)
    assert len(server.requests) == 3


def test_a_complete_unfinished_file_is_used(server, tmp_path):
    """A run that was killed between the last byte and the renaming."""
    content = voc_tar()
    store = tmp_path / ".voc.download"
    store.mkdir()
    (store / f"{VOC2012.archives[0].filename}.part").write_bytes(content)
    download(served(server, VOC2012, content), tmp_path / "voc", quiet)
    assert server.sent == 0
    assert open_dataset(tmp_path / "voc")


def test_an_unfinished_file_that_is_too_long_is_downloaded_again(server, tmp_path):
    store = tmp_path / ".voc.download"
    store.mkdir()
    (store / f"{VOC2012.archives[0].filename}.part").write_bytes(bytes(1 << 20))
    download(served(server, VOC2012, voc_tar()), tmp_path / "voc", quiet)
    assert open_dataset(tmp_path / "voc")


def test_a_file_with_a_wrong_checksum_is_removed(server, tmp_path):
    source = served(server, VOC2012, voc_tar())
    expected = source.archives[0].sha256
    server.files = {path: content[:-1] + b"!" for path, content in server.files.items()}
    with pytest.raises(FullconvError, match=f"SHA-256 expected {expected}, found [0-9a-f]{{64}};") as error:
        download(source, tmp_path / "voc", quiet)
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_unverified_archives_are_downloaded_only_on_request(server, tmp_path):
    source = served(server, CAMVID, zipped({f"{CAMVID.inside}/{name}/x": b"" for name in CAMVID.contains}))
    with pytest.raises(FullconvError, match="--unverified") as error:
        download(source, tmp_path / "camvid", quiet)
    one_line(error)
    assert (server.requests, list(tmp_path.iterdir())) == ([], [])
    found = download(source, tmp_path / "camvid", quiet, unverified=True)
    assert re.fullmatch("[0-9a-f]{64}", found[source.archives[0].filename])


def test_unverified_archives_are_never_resumed(server, tmp_path):
    content = zipped({f"{CAMVID.inside}/{name}/x": os.urandom(99_000) for name in CAMVID.contains})
    server.breaks = [300_000]
    download(served(server, CAMVID, content), tmp_path / "camvid", quiet, unverified=True)
    assert [asked for _, _, asked in server.requests] == [None, None]


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("VOCdevkit/link")
    info.type, info.linkname = kind, target
    return info


EVIL = {
    "parent": tar({"VOCdevkit/../../evil": b"x"}),
    "absolute": tar({"/tmp/evil": b"x"}),
    "symlink": tar({}, link(tarfile.SYMTYPE, "../../../evil")),
    "absolute symlink": tar({}, link(tarfile.SYMTYPE, "/etc")),
    "hard link": tar({}, link(tarfile.LNKTYPE, "../../evil")),
    "device": tar({}, link(tarfile.CHRTYPE, "")),
}
EVIL["symlink within"] = tar({}, link(tarfile.SYMTYPE, "a/../../b"))
EVIL["hard link within"] = tar({}, link(tarfile.LNKTYPE, "VOCdevkit/../../b"))
EVIL_ZIP = {"parent": "a/../../evil", "absolute": "/tmp/evil", "drive": "C:evil", "backslash": "..\\evil"}


@pytest.mark.parametrize("evil", EVIL)
def test_a_tar_that_reaches_out_of_its_folder_is_refused(evil, server, tmp_path):
    with pytest.raises(FullconvError, match="refused and removed") as error:
        download(served(server, VOC2012, EVIL[evil]), tmp_path / "in" / "voc", quiet)
    one_line(error)
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


@pytest.mark.parametrize("evil", EVIL_ZIP)
def test_a_zip_that_reaches_out_of_its_folder_is_refused(evil, server, tmp_path):
    source = served(server, SOURCES["ade20k"], zipped({EVIL_ZIP[evil]: b"x"}))
    with pytest.raises(FullconvError, match="refused and removed") as error:
        download(source, tmp_path / "in" / "ade", quiet)
    one_line(error)
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


def test_an_archive_that_unpacks_to_far_more_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr("fullconv.data.download.ROOM", 0)
    members = {"a": bytes(10**7)}
    for content in (zipped(members, zipfile.ZIP_DEFLATED), gzip.compress(tar(members))):
        source = served(server, SOURCES["ade20k" if content.startswith(b"PK") else "voc2012"], content)
        with pytest.raises(FullconvError, match="far more than its own size") as error:
            download(source, tmp_path / "in" / "data", quiet)
        one_line(error)
        assert not list(tmp_path.rglob("a"))


@pytest.mark.parametrize(("old", "new"), [
    ("https://a/b", "http://a/b"), ("https://a/b", "file:///etc/passwd"), ("http://a/b", "ftp://a/b"),
])  # fmt: skip
def test_redirects_never_leave_https(old, new):
    with pytest.raises(FullconvError, match="not followed"):
        Redirects().redirect_request(Request(old), None, 302, "Found", {}, new)


def test_a_server_that_is_too_slow_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr("fullconv.data.transfer.WINDOW", 0.2)
    monkeypatch.setattr("fullconv.data.transfer.SLOWEST", 10**7)
    server.seconds = 3.0
    with pytest.raises(FullconvError, match="bytes a second"):
        download(served(server, VOC2012, voc_tar(1 << 20)), tmp_path / "voc", quiet)


@pytest.mark.parametrize("content", [b"<html>sorry</html>", voc_tar(1 << 20)[:700_000]], ids=["page", "half"])
def test_a_file_that_is_not_an_archive_is_removed(content, server, tmp_path):
    with pytest.raises(FullconvError, match="not an archive, or damaged") as error:
        download(served(server, VOC2012, content), tmp_path / "voc", quiet)
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_without_the_data_makes_no_folder(server, tmp_path):
    with pytest.raises(FullconvError, match="lacks JPEGImages, SegmentationClass, ImageSets/Segmentation in") as error:
        download(served(server, VOC2012, tar({"README": b""})), tmp_path / "voc", quiet)
    one_line(error)
    assert not (tmp_path / "voc").exists()


def test_files_that_macos_adds_are_left_out(server, tmp_path):
    names = {f"{name}/x.png" for name in OXFORD_PETS.contains} | {"annotations/trimaps/._x.png"}
    content = tar(dict.fromkeys(sorted(names), b""), mode="w:gz")
    download(served(server, OXFORD_PETS, content, content), tmp_path / "pets", quiet)
    assert [path.name for path in (tmp_path / "pets/annotations/trimaps").iterdir()] == ["x.png"]


KILLED_WHILE_UNPACKING = """
import os, signal, sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from fullconv.data import download as module
from fullconv.data.catalogue import VOC2012, Archive
url, sha256, out = sys.argv[1:]
names = []
def deadly(name):
    names.append(name)
    if len(names) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return True
module.is_wanted = deadly
archive = Archive(url, VOC2012.archives[0].filename, sha256)
module.download(replace(VOC2012, archives=(archive,)), Path(out), lambda label, total: nullcontext(lambda count: None))
"""


def test_a_kill_while_unpacking_leaves_no_half_folder_and_keeps_the_download(server, tmp_path):
    source, out = served(server, VOC2012, voc_tar()), tmp_path / "voc"
    archive = source.archives[0]
    command = [sys.executable, "-c", KILLED_WHILE_UNPACKING, archive.url, archive.sha256, str(out)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [tmp_path / ".voc.download"]
    assert list(tmp_path.rglob("a.png"))  # it was in the middle
    download(source, out, quiet)
    assert len(server.requests) == 1
    assert open_dataset(out)
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("step", ["VOCtrainval", "unpacking"])
def test_a_full_disk_is_one_line_and_loses_nothing(step, server, tmp_path):
    def full(label, total):
        def advance(count):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return nullcontext(advance) if label.startswith(step) else quiet(label, total)

    source, out = served(server, VOC2012, voc_tar()), tmp_path / "voc"
    with pytest.raises(FullconvError, match="No space left on device; free some space") as error:
        download(source, out, full)
    one_line(error)
    assert not out.exists()
    download(source, out, quiet)
    assert open_dataset(out)
    assert all(asked for _, _, asked in server.requests[1:])  # from where it stood, or not at all


def test_an_unwritable_folder_gives_a_one_line_error(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FullconvError, match="choose an --out") as error:
        download(served(server, VOC2012, voc_tar()), tmp_path / "file" / "voc", quiet)
    one_line(error)


def test_a_missing_network_gives_a_one_line_error(server, tmp_path):
    source = served(server, VOC2012, voc_tar())
    gone = replace(source, archives=(replace(source.archives[0], url="http://127.0.0.1:1/x.tar"),))
    with pytest.raises(FullconvError, match=r"no connection .*; check the network") as error:
        download(gone, tmp_path / "voc", quiet)
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_gives_a_one_line_error_without_retries(server, tmp_path):
    source = served(server, VOC2012, voc_tar())
    server.files = {}
    with pytest.raises(FullconvError, match="the server answered 404 Not Found") as error:
        download(source, tmp_path / "voc", quiet)
    one_line(error)
    assert len(server.requests) == 1


def test_the_login_opens_the_archives(server, tmp_path):
    halves = [zipped({f"{name}/x": b"" for name in CITYSCAPES.contains[i::2]}) for i in (0, 1)]
    source, out = served(server, CITYSCAPES, *halves), tmp_path / "cityscapes"
    server.password = "secret & more"
    with pytest.raises(FullconvError, match="user name or password refused") as error:
        download(source, out, quiet, ("ann", "wrong"))
    assert "wrong" not in one_line(error)
    server.password = "secret+%26+more"  # as a form carries it
    download(source, out, quiet, ("ann", "secret & more"))
    assert is_there(source, out)
    assert not any("secret" in path for _, path, _ in server.requests)


def test_a_folder_in_use_is_not_overwritten(tmp_path):
    (tmp_path / "photo.jpg").write_text("mine")
    with pytest.raises(FullconvError, match="choose another --out") as error:
        is_there(VOC2012, tmp_path)
    one_line(error)


def test_an_empty_folder_is_taken(server, tmp_path):
    (tmp_path / "voc").mkdir()
    assert not is_there(VOC2012, tmp_path / "voc")
    download(served(server, VOC2012, voc_tar()), tmp_path / "voc", quiet)
    assert open_dataset(tmp_path / "voc")


def test_the_catalogue_is_sound():
    for source in SOURCES.values():
        for archive in source.archives:
            assert re.search(r"\.(zip|tar|tgz|tar\.gz)$", archive.filename)
            assert archive.sha256 is None or re.fullmatch("[0-9a-f]{64}", archive.sha256)
            assert archive.sha256 or archive.url.startswith("https://")  # then TLS is all there is
        assert not source.login or source.login.startswith("https://")  # it is sent a password
    with pytest.raises(FullconvError, match="choose one of voc2012, sbd"):
        find_entry("coco")


def test_torchvision_knows_the_same_addresses():
    datasets = pytest.importorskip("torchvision.datasets")
    assert SOURCES["voc2012"].archives[0].url == datasets.voc.DATASET_YEAR_DICT["2012"]["url"]
    assert SOURCES["sbd"].archives[0].url == datasets.SBDataset.url
    pets = [url for url, _ in datasets.OxfordIIITPet._RESOURCES]
    assert [archive.url for archive in OXFORD_PETS.archives] == pets
