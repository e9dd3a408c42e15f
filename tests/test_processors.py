import os
import subprocess
import sys
from pathlib import Path

import pytest

from fullconv.processors import PROCESSORS

ROOT = Path(__file__).parent.parent / "src" / "fullconv"


def test_all_processors_count_unless_some_are_taken_away():
    assert 1 <= PROCESSORS <= os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to a processor")
def test_a_process_on_one_processor_counts_one():
    one = min(os.sched_getaffinity(0))
    code = "from fullconv.processors import PROCESSORS; print(PROCESSORS)"
    pinned = f"import os; os.sched_setaffinity(0, {{{one}}}); {code}"
    done = subprocess.run([sys.executable, "-c", pinned], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_nothing_else_counts_processors():
    assert [path.name for path in ROOT.rglob("*.py") if "cpu_count" in path.read_text()] == ["processors.py"]
