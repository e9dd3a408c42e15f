"""After any fault, the next good photo is segmented, no file is left behind, and no traceback is shown."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fullconv.serving.metrics import family
from tests.serving.running import Running, running
from tests.serving.test_pictures import png_head

SECONDS = 10  # time limit of a request
SOON = 5.0  # seconds in which the next good photo must be answered on a busy machine; an idle one takes below 1 s


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with short limits. No file may appear in its temporary folder, and nothing may be left there."""
    temporary = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("FULLCONV_CACHE", str(tmp_path_factory.mktemp("faults-cache")))
        with running("--max-seconds", str(SECONDS), "--max-megabytes", "5", "--queue", "8") as one:
            yield one
            assert [
                path for path in temporary.rglob("*") if path.is_file()
            ] == []  # the fork server's socket is not a file
        assert list(temporary.iterdir()) == []


@pytest.fixture(autouse=True)
def _then_a_good_photo(server, cat):
    server.ask("/predict", cat)
    yield
    began = time.monotonic()
    reply = server.ask("/predict?save=json", cat)
    assert (reply.status, reply.json["width"]) == (200, 451)
    assert time.monotonic() - began < SOON


def workers_of(server: Running) -> list[int]:
    """Returns the ids of the worker processes, which the fork server has forked."""
    children = [pid for pid in family(server.process.pid) if pid != server.process.pid]
    forking = [pid for pid in children if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return forking[1:]


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to find workers in")


def connected(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def head(length: int, extra: str = "") -> bytes:
    return f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


@pytest.mark.parametrize("size", [(10_000, 9_000), (65_000, 65_000)])
def test_decompression_bombs_are_refused_before_decoding(server, size):
    reply = server.ask("/predict", png_head(*size))
    assert (reply.status, reply.json["reason"]) == (413, "pixels")


def test_a_body_that_is_too_large_is_refused(server):
    reply = server.ask("/predict", b"x" * 6_000_000)
    assert (reply.status, reply.json["reason"]) == (413, "bytes")
    assert "5 MB" in reply.json["error"]


def test_a_truncated_photo_is_refused(server, cat):
    reply = server.ask("/predict", cat[: len(cat) // 2])
    assert (reply.status, reply.json["reason"]) == (422, "damaged")
    assert "\n" not in reply.json["error"]


def test_clients_may_disconnect_at_any_moment(server, cat):
    for sent in (0, 1, len(cat) // 2, len(cat)):
        with connected(server) as client:
            client.sendall(head(len(cat)) + cat[:sent])
    assert server.ask("/predict", cat).status == 200


def test_a_slow_client_is_disconnected_and_delays_nobody(server, cat):
    with connected(server) as slow:
        slow.sendall(head(1000))
        began = time.monotonic()
        server.ask("/predict", cat)
        assert time.monotonic() - began < SOON
        for _ in range(SECONDS):
            slow.sendall(b"x")
            time.sleep(1)
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")


@needs_proc
def test_a_killed_worker_is_replaced_and_its_picture_is_segmented(cat):
    with running() as server, ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(server.ask, "/predict", cat) for _ in range(8)]
        for pid in workers_of(server):
            os.kill(pid, signal.SIGKILL)
        assert [reply.result().status for reply in replies] == [200] * 8


@needs_proc
def test_a_worker_that_hangs_is_killed_at_the_time_limit(server, cat):
    before = workers_of(server)
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    reply = server.ask("/predict", cat)
    assert (reply.status, reply.json["reason"]) == (503, "time")
    server.ask("/predict", cat)  # goes to the other worker, which hangs as well
    assert not set(before) & set(workers_of(server))


@needs_proc
def test_a_full_queue_is_refused_with_the_time_to_wait(server, cat):
    stopped = workers_of(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(16) as pool:
        replies = [pool.submit(server.ask, "/predict", cat) for _ in range(16)]
        time.sleep(1)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        statuses = [reply.result() for reply in replies]
    refused = [reply for reply in statuses if reply.status == 429]
    assert len(refused) >= 16 - 2 - 8  # 2 are in work and at most 8 wait
    assert all(int(reply.headers["retry-after"]) >= 1 and reply.json["reason"] == "queue" for reply in refused)
    assert sum(reply.status == 200 for reply in statuses) == 16 - len(refused)


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_bytes_are_refused(server, cat, count):
    """Sends random bytes, and photos in which some bytes are random."""
    dice = random.Random(0)
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for number in range(count):
        body = bytearray(cat if number % 50 == 0 else dice.randbytes(dice.randrange(200)))
        for _ in range(number % 50 == 0 and 40):
            body[dice.randrange(len(body))] = dice.randrange(256)
        client.request("POST", "/predict?save=json", bytes(body))
        reply = client.getresponse()
        text = reply.read()
        assert reply.status in (200, 413, 415, 422), text
        assert b"Traceback" not in text
    client.close()


@needs_proc
def test_photos_are_segmented_even_if_no_file_can_be_written(cat, tmp_path, monkeypatch):
    """As on a full disk: no file can get larger than 0 bytes."""
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path / "cache"))
    with running(largest_file=0) as server:
        assert server.ask("/predict", cat).status == 200
        assert server.ask("/predict?save=masks", cat).status == 200
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_invalid_http_gives_no_traceback(server):
    for nonsense in (
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01",
    ):
        with connected(server) as client:
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            assert b"Traceback" not in client.recv(10_000)


def test_large_forms_are_not_written_to_disk(server, cat):
    """The fixture checks that the temporary folder contains no file."""
    padded = cat + b"\0" * 3_000_000
    body = b'--x\r\nContent-Disposition: form-data; name="p"; filename="a"\r\n\r\n' + padded + b"\r\n--x--\r\n"
    reply = server.ask("/predict", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert reply.status == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
    ],
)
def test_invalid_forms_are_refused(server, kind, body):
    reply = server.ask("/predict", body, {"Content-Type": kind})
    assert (reply.status, reply.json["reason"]) == (422, "form")


def test_after_sigterm_requests_in_progress_are_finished_and_no_new_ones_are_accepted(cat):
    """Leaving `running` sends the signal and checks the exit code."""
    replies, lost = [], []

    def keep_asking(server):
        while True:
            with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
                try:
                    client.connect()
                except OSError:
                    return  # no new connection is accepted
                try:
                    client.request("POST", "/predict", cat)
                    replies.append(client.getresponse().status)
                except (OSError, http.client.HTTPException) as error:
                    lost.append(error)
                    return

    with running() as server:
        threads = [threading.Thread(target=keep_asking, args=(server,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        while len(replies) < 12:
            time.sleep(0.05)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(replies) == {200}
    # A connection that arrives while the socket is being closed is accepted by the system but never read.
    assert all(isinstance(error, (ConnectionError, http.client.RemoteDisconnected)) for error in lost)
