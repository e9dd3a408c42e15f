"""A server on this machine that speaks as much of the Hugging Face hub's protocol as models need: what its client
library sends for information, files, new repositories, large files and commits."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"
SHOWN_SIZE = "x-size"  # a claimed size of a file, of which there are fewer bytes


class Hub(ThreadingHTTPServer):
    """`repos`: {owner/name: {commit: {file: bytes}}}, the last commit being main's; what is `gated` has terms."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.claimed: dict[str, int] = {}  # bytes that a file is said to have
        self.gated: set[str] = set()
        self.private: dict[str, bool] = {}
        self.large: dict[str, bytes] = {}  # by their SHA-256
        self.paths: list[str] = []

    def add(self, repo: str, files: dict[str, bytes]) -> str:
        commit = hashlib.sha1(repr((repo, len(self.repos.get(repo, {})))).encode()).hexdigest()
        self.repos.setdefault(repo, {})[commit] = files
        return commit

    def handle_error(self, request, client_address) -> None:
        """A client that goes away is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None: ...

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.paths.append(f"{self.command} {path}")
        if path.startswith("/api/models/"):
            return self.tell(path.removeprefix("/api/models/"))
        owner, name, _, revision, file = path.lstrip("/").split("/", 4)
        commit = self.commit_of(f"{owner}/{name}", revision)
        return commit and self.send_file(f"{owner}/{name}", commit, file)

    do_HEAD = do_GET

    def tell(self, path: str) -> None:
        """Of a revision, or of its tree."""
        owner, name, *rest = path.split("/")
        repo, revision = f"{owner}/{name}", rest[1] if len(rest) > 1 else "main"
        commit = self.commit_of(repo, revision)
        if commit is None:
            return
        files = self.server.repos[repo][commit]
        sizes = {file: self.server.claimed.get(file, len(content)) for file, content in files.items()}
        if rest[:1] == ["tree"]:
            self.answer([{"type": "file", "path": f, "size": s, "oid": etag(files[f])} for f, s in sizes.items()])
        else:
            told = [{"rfilename": f, "size": s, "blobId": etag(files[f])} for f, s in sizes.items()]
            self.answer({"id": repo, "modelId": repo, "sha": commit, "siblings": told, "private": False, "tags": []})

    def commit_of(self, repo: str, revision: str) -> str | None:
        """None where the answer has been given: there is no such thing."""
        commits = self.server.repos.get(repo, {})
        if repo in self.server.gated:
            self.refuse(403, "GatedRepo")
        elif not commits:
            self.refuse(401, "RepoNotFound")
        elif revision == "main" or revision in commits:
            return list(commits)[-1] if revision == "main" else revision
        else:
            self.refuse(404, "RevisionNotFound")
        return None

    def send_file(self, repo: str, commit: str, file: str) -> None:
        content = self.server.repos[repo][commit].get(file)
        if content is None:
            return self.refuse(404, "EntryNotFound")
        return self.answer(content, {"X-Repo-Commit": commit, "ETag": f'"{etag(content)}"'})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = unquote(urlsplit(self.path).path)
        self.server.paths.append(f"POST {path}")
        if path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.refuse(401, "")
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if path.endswith("/objects/batch"):
            return self.answer({"objects": [self.upload(one) for one in json.loads(body)["objects"]]})
        repo, action, _ = path.removeprefix("/api/models/").rsplit("/", 2)
        return self.preupload(json.loads(body)) if action == "preupload" else self.commit(repo, body)

    def create(self, asked: dict[str, object]) -> None:
        repo = f"{asked.get('organization')}/{asked['name']}"
        status = 409 if repo in self.server.repos else 200
        self.server.repos.setdefault(repo, {"0" * 40: {}})
        self.server.private[repo] = bool(asked.get("private") or asked.get("visibility") == "private")
        self.answer({"url": f"{self.server.url}/{repo}"}, status=status)

    def preupload(self, asked: dict[str, list[dict[str, str]]]) -> None:
        modes = [
            (one["path"], "regular" if one["path"].endswith((".json", ".md")) else "lfs") for one in asked["files"]
        ]
        self.answer({"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes]})

    def upload(self, wanted: dict[str, object]) -> dict[str, object]:
        return {**wanted, "actions": {"upload": {"href": f"{self.server.url}/large/{wanted['oid']}"}}}

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.large[hashlib.sha256(content).hexdigest()] = content
        self.answer({})

    def commit(self, repo: str, body: bytes) -> None:
        files = dict(list(self.server.repos[repo].values())[-1])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        commit = self.server.add(repo, files)
        self.answer({"commitUrl": f"{self.server.url}/{repo}/commit/{commit}", "commitOid": commit})

    def refuse(self, status: int, code: str) -> None:
        self.answer({"error": code}, {"X-Error-Code": code, "X-Error-Message": code}, status)

    def answer(self, content: object, headers: dict[str, str] | None = None, status: int = 200) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def running():
    with Hub() as hub:
        Thread(target=hub.serve_forever, args=(0.02,), daemon=True).start()
        yield hub
        hub.shutdown()
