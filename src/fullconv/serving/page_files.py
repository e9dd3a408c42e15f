"""The files of the page. It imports engine.js, which runs the model on the server or in the browser."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
ENGINES = {
    "server": ("engine-server.js",),
    "browser": ("engine-browser.js", "browser-worker.js", "segmentation.js", "resizing.js", "scores.js", "tiles.js"),
}  # the first file of each is served as engine.js


def files_of(engine: str) -> dict[str, Path]:
    """Returns {name that the page uses: file} for the page with an engine, "server" or "browser"."""
    first, *others = ENGINES[engine]
    of_engines = {name for names in ENGINES.values() for name in names}
    common = [path.name for path in PAGE.iterdir() if path.suffix in TYPES and path.name not in of_engines]
    return {name: PAGE / name for name in sorted([*common, *others])} | {"engine.js": PAGE / first}
