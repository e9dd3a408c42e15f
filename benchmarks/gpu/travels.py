"""What travels to a machine with a GPU: tracked files and the pack together, below 60 MiB.

usage: python benchmarks/gpu/travels.py PACK
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT = 60 * 2**20


def size_of(pack: Path, root: Path) -> int:
    """Bytes of the tracked files below `root` and of everything in `pack`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    tracked = [root / name for name in listed.decode().split("\0") if name]
    packed = [path for path in pack.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in [*tracked, *packed] if path.is_file())


def main() -> None:
    size = size_of(Path(sys.argv[1]), Path())
    print(f"{size / 2**20:.1f} MiB travel, of at most {LIMIT // 2**20}")
    if size > LIMIT:
        sys.exit("too much: take fewer photos (--most)")


if __name__ == "__main__":
    main()
