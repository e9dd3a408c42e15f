"""A local web server that misbehaves on demand, and archives to serve from it."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from fullconv.data.catalogue import Archive, CatalogueEntry


class Server(ThreadingHTTPServer):
    """Serves `files` {path: bytes}; the first responses break off after as many bytes as `breaks` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.breaks: list[int] = []
        self.statuses: list[int] = []  # what the first requests are answered with, instead of a file
        self.ranges = True
        self.lengths = True  # Content-Length is told
        self.seconds = 0.0  # how long a body takes
        self.password: str | None = None
        self.requests: list[tuple[str, str, str | None]] = []  # (method, path, Range)
        self.sent = 0  # bytes of bodies

    def handle_error(self, request, client_address) -> None:
        """A client that goes away is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments) -> None: ...

    def note(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers["Range"]))

    def do_POST(self) -> None:
        self.note()
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if f"password={self.server.password}&" in form and "seen=1" in self.headers.get("Cookie", ""):
            self.answer(302, {"Set-Cookie": "user=ann", "Location": "/welcome"})
        else:
            self.answer(200, {})

    def do_GET(self) -> None:
        self.note()
        if self.path in ("/login", "/welcome"):
            return self.answer(200, {"Set-Cookie": "seen=1"})
        if self.server.statuses:
            return self.answer(self.server.statuses.pop(0), {})
        if self.server.password and "user=ann" not in self.headers.get("Cookie", ""):
            return self.answer(403, {})
        if self.path not in self.server.files:
            return self.answer(404, {})
        return self.send_file(self.server.files[self.path])

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def send_file(self, content: bytes) -> None:
        start = 0
        if self.server.ranges and self.headers["Range"]:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                return self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if self.server.breaks:
            body = body[: self.server.breaks.pop(0)]
        for i in range(10):
            piece = body[len(body) * i // 10 : len(body) * (i + 1) // 10]
            self.wfile.write(piece)
            self.server.sent += len(piece)
            time.sleep(self.server.seconds / 10)
        self.close_connection = True


@contextmanager
def running():
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def tar(members: dict[str, bytes], *special: tarfile.TarInfo, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in special:
            archive.addfile(info)
    return buffer.getvalue()


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def packed(filename: str, members: dict[str, bytes]) -> bytes:
    if filename.endswith(".zip"):
        return zipped(members)
    return tar(members, mode="w" if filename.endswith(".tar") else "w:gz")


def served(server: Server, source: CatalogueEntry, *contents: bytes) -> CatalogueEntry:
    """The source with its archives on the server, holding `contents`, with the checksums of those."""
    archives = []
    for archive, content in zip(source.archives, contents, strict=True):
        server.files[f"/{archive.filename}"] = content
        known = archive.sha256 and hashlib.sha256(content).hexdigest()
        archives.append(Archive(f"{server.url}/{archive.filename}", archive.filename, known))
    return replace(source, archives=tuple(archives), login=source.login and f"{server.url}/login")
