"""How many small changes to the code its tests notice: mutmut over the parts that no number may be wrong in.

usage: python benchmarks/mutation.py [--only losses tiling] [--sample 100] [--seed 0] [--out runs/mutation]

For each area a seeded sample of its mutants is tested, each against the tests of its own folder that call the changed
function; the first failure, or taking too long, counts as caught. The work is done on a copy of the checkout's files
in --out, one process at a time. Needs `pip install mutmut`, which no extra brings. docs/testing.md has the results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What is changed, and the tests of its folder that should notice: not those that train whole networks, which take
# minutes for each mutant that they let pass, nor those that start processes of their own, which see none.
AREAS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "metrics": (["metrics.py"], ["test_metrics.py"]),
    "tiling": (["prediction/tiling.py"], [f"prediction/test_{n}.py" for n in ("tiling", "blending")]),
    "geometry": (["models/geometry.py"], [f"models/test_{n}.py" for n in ("geometry", "layered", "upsampling")]),
    "transforms": (["training/transforms.py"], [f"training/test_{n}.py" for n in ("transforms", "batches")]),
    "masks": (["data/masks.py"], [f"data/test_{n}.py" for n in ("masks", "layouts", "description", "outlines")]),
    "losses": (["training/losses.py"], ["training/test_losses.py"]),
    "writers": (["outputs/*.py"], ["outputs"]),
}
CAUGHT = {1, 3, 36, 24, 152, 255, -24}  # mutmut's exit codes: a test failed, or it took too long
CONFIG = """
[tool.mutmut]
source_paths = ["src/"]
only_mutate = {sources}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-m", "not slow and not gpu"]
also_copy = ["tests", "examples", "recipes", "benchmarks", "docs", "README.md", "CHANGELOG.md"]
process_isolation = "forkserver"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(AREAS), choices=AREAS, metavar="AREA")
    parser.add_argument("--sample", type=int, default=100, help="mutants of each area, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/mutation"))
    options = parser.parse_args()
    for area in options.only:
        verdicts = run_area(area, options.out.resolve() / area, options.sample, options.seed)
        caught = sum(code in CAUGHT for code in verdicts.values())
        print(f"{area:<12}{caught:>5} of {len(verdicts):<5}{caught / len(verdicts):.1%}", flush=True)


def run_area(area: str, folder: Path, sample: int, seed: int) -> dict[str, int | None]:
    """{mutant: mutmut's exit code} of a sample."""
    copy_checkout(folder)
    configure(folder, *AREAS[area])
    mutmut(folder, "none*")  # makes the mutants and times the tests, then complains that none has this name
    names = sorted(verdicts_in(folder))
    if not names:
        sys.exit(f"{folder / 'mutmut.log'}: no mutants were made; is mutmut installed, and do the tests pass?")
    chosen = random.Random(seed).sample(names, min(sample, len(names)))
    mutmut(folder, *chosen)
    verdicts = verdicts_in(folder)
    survivors = [name for name in chosen if verdicts[name] not in CAUGHT]
    (folder / "survivors.txt").write_text("\n".join(mutmut(folder, "show", name) for name in survivors))
    return {name: verdicts[name] for name in chosen}


def copy_checkout(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def configure(folder: Path, sources: Sequence[str], tests: Sequence[str]) -> None:
    text = CONFIG.format(
        sources=json.dumps([f"src/fullconv/{name}" for name in sources]),
        tests=json.dumps([f"tests/{name}" for name in tests]),
    )
    with (folder / "pyproject.toml").open("a") as file:
        file.write(text)


def mutmut(folder: Path, *words: str) -> str:
    """What it says; the package it tests is the copy's."""
    command = words if words[0] == "show" else ("run", "--max-children", "1", *words)
    paths = [str(folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *command], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    with (folder / "mutmut.log").open("a") as log:
        log.write(done.stdout + done.stderr)
    return done.stdout


def verdicts_in(folder: Path) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for meta in sorted((folder / "mutants" / "src").rglob("*.meta")):
        found |= json.loads(meta.read_text())["exit_code_by_key"]
    return found


if __name__ == "__main__":
    main()
