"""Headless Chromium, and the npm packages for the page. Tests are skipped with a reason if either is missing."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fullconv.serving.site import RUNTIME

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = (f"onnxruntime-web@{RUNTIME}", "axe-core@4.14.1")
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""
ALPHA = """([x, y]) => {
  const shown = document.getElementById("overlay");
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.drawImage(shown, -Math.floor(x * shown.width), -Math.floor(y * shown.height));
  return context.getImageData(0, 0, 1, 1).data[3];
}"""


@contextmanager
def chromium() -> Iterator[object]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def node_modules(folder: Path) -> Path:
    """Returns the folder of the npm packages: the one named by FULLCONV_NODE_MODULES, or a new installation."""
    if named := os.environ.get("FULLCONV_NODE_MODULES"):
        return Path(named)
    if shutil.which("npm") is None:
        pytest.skip("no npm, and no FULLCONV_NODE_MODULES")
    install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"npm install failed: {done.stderr[-200:]}")
    return folder / "node_modules"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serves a folder with a plain web server. Gives its address."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Visit:
    """An open page, with its messages on the console (`said`) and its requests to other hosts (`elsewhere`)."""

    def __init__(self, browser, address, **how):
        self.context = browser.new_context(accept_downloads=True, **how)
        self.page, self.said, self.elsewhere = self.context.new_page(), [], []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda asked: self._note(asked.url, address))
        self.page.goto(address)

    def _note(self, url, address):
        if not url.startswith((address, "blob:", "data:")):
            self.elsewhere.append(url)

    def ready(self):
        self.page.wait_for_selector("#privacy:not(:empty)", state="attached", timeout=120_000)

    def drop(self, path: Path):
        self.page.evaluate(DROP, [path.name, base64.b64encode(path.read_bytes()).decode()])
        self.page.wait_for_selector(f"#caption:has-text('{path.name} ·')", timeout=120_000)

    def download(self, selector, to: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.click(selector)
        path = to / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def overlay_alpha(self, x, y) -> int:
        """Returns the opacity (0–255) of the overlay at a position, given as shares of width and height."""
        return self.page.evaluate(ALPHA, [x, y])
