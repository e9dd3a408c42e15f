"""The size of the light install, measured in a fresh environment, and what is in it.

usage: python benchmarks/install_size.py [--extras serve]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from processes import light_environment


def megabytes(path: Path) -> float:
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", default="")
    extras = parser.parse_args().extras
    with tempfile.TemporaryDirectory() as folder:
        before = {"pip", "setuptools", "pkg_resources", "_distutils_hack"}  # they come with every environment
        light_environment(Path(folder), extras)
        (packages,) = Path(folder).glob("lib/*/site-packages")
        parts = {path.name: megabytes(path) for path in packages.iterdir() if path.is_dir()}
        own = {name: size for name, size in parts.items() if not name.startswith(tuple(before))}
        for name, size in sorted(own.items(), key=lambda item: -item[1])[:8]:
            print(f"{name:<32}{size:8.1f} MB")
        print(f"{'all that fullconv brings':<32}{sum(own.values()):8.1f} MB")
        print("torch is absent" if "torch" not in parts else "torch is PRESENT")


if __name__ == "__main__":
    main()
