"""Runs fullconv as a user types it, in a new process, and reads what it wrote."""

import json
import subprocess
import sys
from pathlib import Path

OK, FAILED, USAGE = 0, 1, 2
COMMAND = [sys.executable, "-c", "from fullconv.commands.main import main; main()"]


def shell(*arguments, **options) -> subprocess.CompletedProcess:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)


def contents(folder: Path) -> dict[str, bytes]:
    """Returns the finished files, without the manifest."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if p.name != "predictions.jsonl"}


def pictures(out: Path) -> list[dict]:
    """Returns the manifest's lines about pictures. While it is being written, the last one may be incomplete."""
    manifest = out / "predictions.jsonl"
    content = manifest.read_text() if manifest.exists() else ""
    return [line for line in map(json.loads, content.split("\n")[:-1]) if "target" in line]
