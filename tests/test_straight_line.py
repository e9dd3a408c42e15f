"""How straight the way from a photo to its mask is: what benchmarks/straight_line.py counts must not grow."""

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "straight_line.py"
PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
MOST_FILES, MOST_MOVES = 36, 91


def test_a_photo_becomes_a_mask_in_few_moves():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    files, moves = map(int, re.findall(r"(\d+) files, (\d+) moves", done.stdout)[0])
    assert (files <= MOST_FILES, moves <= MOST_MOVES) == (True, True), done.stdout


def test_the_page_on_architecture_tells_the_same():
    assert f"{MOST_FILES} files and {MOST_MOVES} moves" in " ".join(PAGE.read_text().split())
