"""A folder of photos, some of which are very large, with little memory: each is right, or refused in one line.

usage: python benchmarks/limited_memory.py [--gigabytes 2] [--photos 300] [--kept DIR]

Memory is limited by a control group, of either version, which takes root. Where none can be made, `--memory` is given
instead and the peak is measured. Of the large photos eight have 178 megapixels, the most that are allowed, and four
have 64. Label maps must be the same bytes as those of a run of the same small photos without a limit.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

EXAMPLES = Path(__file__).parent.parent / "examples"
PREDICT = [sys.executable, "-c", "from fullconv.commands.main import main; main()", "predict"]
LARGEST, LARGE = 13_377, 8_000  # pixels of a side
GROUPS = Path("/sys/fs/cgroup")
LIMITS = {"memory/": "memory.limit_in_bytes", "": "memory.max"}  # of the two versions
KILLS = {"memory/": "memory.oom_control", "": "memory.events"}
REFUSED = re.compile(r"error: \S+: needs .* of memory, .* use --memory .*")


@dataclass(frozen=True)
class Group:
    """A control group: whoever is in it has so much memory together."""

    folder: Path
    version: str

    def entered(self, command: list[str]) -> list[str]:
        """The command, which enters the group first."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *command]

    @property
    def kills(self) -> int:
        """How many processes the system ended for lack of memory."""
        told = (self.folder / KILLS[self.version]).read_text()
        return int(re.findall(r"oom_kill (\d+)", told)[0])


@contextmanager
def limited(size: int) -> Iterator[Group | None]:
    """None where no group can be made."""
    for version, limit in LIMITS.items():
        folder = GROUPS / version / f"fullconv-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(str(size))
            yield Group(folder, version)
            return
        except FileNotFoundError:
            continue
        finally:
            folder.rmdir()
    yield None


def make(folder: Path, count: int) -> None:
    """`count` photos, of which the first of each name is drawn and the others are links to it."""
    folder.mkdir(parents=True)
    sources = [large(folder, "largest.png", LARGEST), large(folder, "largest.jpg", LARGEST)] * 4
    sources += [large(folder, "large.png", LARGE), large(folder, "large.jpg", LARGE)] * 2
    small = sorted(EXAMPLES.glob("*.jpg"))
    sources += [small[number % len(small)] for number in range(count - len(sources))]
    step = 37  # so that the large ones do not lie together
    for number, source in enumerate(sources):
        name = f"{number * step % count:03}_{source.name}"
        (os.link if source.parent == folder else os.symlink)(source.resolve(), folder / name)
    for name in ("largest.png", "largest.jpg", "large.png", "large.jpg"):
        (folder / name).unlink()


def large(folder: Path, name: str, side: int) -> Path:
    path = folder / name
    image = Image.new("RGB", (side, side), (120, 140, 160))
    ImageDraw.Draw(image).rectangle((side // 4, side // 4, side // 2, side // 2), fill=(200, 90, 40))
    image.save(path, **({"compress_level": 1} if path.suffix == ".png" else {}))
    return path


def predict(arguments: list[str], group: Group | None, errors: Path) -> tuple[int, int]:
    """(exit code, peak of resident memory in bytes)."""
    command = [*PREDICT, *arguments]
    with errors.open("w") as file:
        process = subprocess.Popen(group.entered(command) if group else command, stdout=subprocess.DEVNULL, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss << 10


def right(out: Path, photos: Path) -> tuple[int, int]:
    """(label maps of small photos that are as they should be, label maps of the large ones of the photo's size)."""
    subprocess.run([*PREDICT, str(EXAMPLES), "--out", str(out / "unlimited"), "--save", "labels"], check=True)
    same = of_size = 0
    for photo in photos.iterdir():
        labels = out / "limited" / f"{photo.stem}_labels.png"
        if photo.is_symlink():
            expected = out / "unlimited" / f"{photo.resolve().stem}_labels.png"
            same += labels.exists() and labels.read_bytes() == expected.read_bytes()
        elif labels.exists():
            with Image.open(labels) as written, Image.open(photo) as source:
                of_size += written.size == source.size
    return same, of_size


def run(root: Path, size: int, count: int) -> bool:
    photos, errors = root / "photos", root / "stderr"
    if not photos.exists():
        make(photos, count)
    with limited(size) as group:
        arguments = [str(photos), "--out", str(root / "limited"), "--overwrite"]
        code, peak = predict(arguments + ([] if group else ["--memory", str(size)]), group, errors)
        kills = group.kills if group else 0
    lines = [line for line in errors.read_text().splitlines() if not line.startswith("note: ")]
    refused = sum(bool(REFUSED.fullmatch(line)) for line in lines)
    Image.MAX_IMAGE_PIXELS = None
    same, of_size = right(root, photos)
    how = f"a control group of {size / 2**30:g} GiB" if group else f"--memory {size} (no control group can be made)"
    print(f"{how}: exit code {code}, {kills} killed, peak {peak / 2**20:.0f} MiB of resident memory")
    print(f"{count} photos: {same} small and {of_size} large ones right, {refused} refused, {len(lines)} lines")
    return code == 1 and not kills and refused == len(lines) == count - same - of_size and peak < size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--kept", type=Path, help="Folder that keeps photos and results; by default nothing is kept.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not run(options.kept or Path(folder), int(options.gigabytes * 2**30), options.photos))


if __name__ == "__main__":
    main()
