"""The wheel and the sdist in clean environments of every Python here that fullconv supports: the light core at work.

usage: python benchmarks/clean_installs.py

In each environment: `fullconv predict`, `check` and `evaluate` on small data, and the installed size.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent
OLDEST = (3, 11)
PLACES = ("/usr/bin", "/usr/local/bin", "~/.pyenv/versions/*/bin", "/opt/python/*/bin")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = built(folder / "dist")
        data(folder / "data")
        for python, version in pythons().items():
            print(f"Python {version}: wheel {tried(python, wheel, folder)}", flush=True)
        print(f"Python {'.'.join(map(str, sys.version_info[:3]))}: sdist {tried(sys.executable, sdist, folder)}")


def built(dist: Path) -> tuple[Path, Path]:
    """(wheel, sdist), made as a release would be."""
    run(sys.executable, "-m", "venv", dist / "tools")
    run(dist / "tools" / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "build")
    run(dist / "tools" / "bin" / "python", "-m", "build", "--outdir", dist, ROOT)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return wheel, sdist


def data(root: Path) -> None:
    """Three pictures with a bright square each, which is the cat."""
    for split, i in (("train", 0), ("train", 1), ("val", 2)):
        mask = np.zeros((96, 128), np.uint8)
        mask[20 + i : 60, 30:90] = 1
        for kind, pixels in (("images", np.stack([mask * 255] * 3, 2)), ("masks", mask)):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / kind / split / f"{i}.png")
    (root / "data.yaml").write_text("path: .\nnames: [background, cat]\n")


def pythons() -> dict[str, str]:
    """{interpreter: version}, one of each version from OLDEST on."""
    found: dict[str, str] = {}
    for interpreter in interpreters():
        version = run(interpreter, "-c", "import platform; print(platform.python_version())").strip()
        if tuple(map(int, version.split(".")[:2])) >= OLDEST and version not in found.values():
            found[str(interpreter)] = version
    return found


def interpreters() -> Iterator[Path]:
    for place in PLACES:
        root, _, pattern = str(Path(place).expanduser()).partition("*")
        folders = Path(root).glob(f"*{pattern}") if pattern else [Path(root)]
        for folder in sorted(folders):
            yield from (path for path in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+", path.name))


def tried(python: str, package: Path, folder: Path) -> str:
    """What the installed command says, and how large the environment is without pip."""
    with tempfile.TemporaryDirectory() as name:
        bin_, work = Path(name) / "bin", Path(name) / "work"
        run(python, "-m", "venv", name)
        run(bin_ / "pip", "install", "-q", "--disable-pip-version-check", package)
        work.mkdir()
        table = run(bin_ / "fullconv", "predict", ROOT / "examples" / "chelsea.jpg", "--out", work / "masks")
        assert "cat" in table, table
        run(bin_ / "fullconv", "check", folder / "data" / "data.yaml")
        scores = run(bin_ / "fullconv", "evaluate", folder / "data" / "data.yaml", "--merge-to", "background,cat")
        assert "mean_iou" in scores, scores
        run(bin_ / "pip", "uninstall", "-q", "-y", "pip")
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file() and not file.is_symlink())
        return f"predicts, checks and evaluates; {size / 1e6:.0f} MB"


def run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
