"""Commands killed and stopped at random moments, then gone on with: in the end the results are the same bytes.

`python -m tests.hostile.kills --kills 100 --terms 50`. The signals go round the works of works.py; a work gets a few of
them one after another before it may finish. The exit code is 1 if anything was not as it should be.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import click

from tests.data_server import running
from tests.hostile.works import Work, ask, environment, leftovers, results, works

IN_A_ROW = 4  # signals before a work may finish
PATIENCE = 300  # seconds
STOPPING, ORPHANS = 15, 20  # seconds that a command has to stop, and that workers have to notice that it is gone
READY = re.compile(r"(http://\S+) serves")
PROCESSES = multiprocessing.get_context("forkserver")
LIBRARIES = [
    *(f"fullconv.commands.{name}" for name in ("main", "predict", "train", "export", "convert", "download")),
    "fullconv.training.train", "fullconv.weights.convert", "fullconv.exporting.export", "fullconv.jobs.rasters",
    "fullconv.prediction.predictor", "rasterio", "shapely",
]  # fmt: skip
STOPPED = re.compile(r"stopped; finished results are kept[^\n]*\n\Z")


class Series:
    """Signals to one work, in a folder of its own; `wrong` tells what was not as it should be."""

    def __init__(self, work: Work, folder: Path, chance: random.Random) -> None:
        self.work, self.folder, self.chance = work, folder, chance
        self.wrong: list[str] = []
        self.early = 0  # signals that came when the command was over
        folder.mkdir()
        work.make(folder)
        self.right = self.finish()
        self.clear()
        begun = time.monotonic()  # by now, networks are compiled
        self.compare()
        self.seconds = time.monotonic() - begun

    def start(self) -> BaseProcess:
        for name in ("stdout", "stderr"):
            (self.folder / name).write_text("")
        process = PROCESSES.Process(target=carry_out, args=(self.work.command(self.folder), self.folder))
        process.start()
        return process

    def finish(self) -> dict[str, str] | bytes:
        """Runs the command to its end; gives its results."""
        process = self.start()
        if self.work.name == "serve":
            answer = ask(address_of(process, self.folder), self.photo)
            process.terminate()
        process.join(PATIENCE)
        if process.exitcode or "Traceback" in self.err:
            self.complain(f"ends with {process.exitcode}: {self.err[-2000:]}")
        return answer if self.work.name == "serve" else results(self.folder)

    def interrupt(self, number: int) -> None:
        """A signal at a random moment. What finished nevertheless is compared, and begun anew."""
        process = self.start()
        with asked_meanwhile(process, self.folder, self.photo) if self.work.name == "serve" else nullcontext():
            process.join(self.chance.uniform(0, self.seconds))
            self.early += process.exitcode is not None
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)
            process.join(STOPPING)
            if process.exitcode is None:
                self.complain(f"lives {STOPPING} s after signal {number}")
                process.kill()
                process.join()
        self.judge(number, process.exitcode)
        if rest := processes_of(process.pid, ORPHANS):
            self.complain(f"leaves processes after signal {number}: {rest}")
            os.killpg(process.pid, signal.SIGKILL)
        if (
            number == signal.SIGKILL
        ):  # the folder of Python's fork server, which holds one socket, is left to the system
            subprocess.run(["rm", "-rf", *(self.folder / "tmp").glob("pymp-*")], check=True)
        if process.exitcode == 0 and self.work.name != "serve":
            self.compare()

    @property
    def photo(self) -> bytes:
        return (self.folder / "photos" / "00.png").read_bytes()

    @property
    def err(self) -> str:
        """What the command said."""
        return (self.folder / "stderr").read_text(errors="replace")

    def judge(self, number: int, code: int) -> None:
        err = self.err
        allowed = {0, -number} | ({143} if number == signal.SIGTERM else set())  # -15: before Python was up
        if code not in allowed or "Traceback" in err:
            self.complain(f"after signal {number}: code {code}, {err[-1000:]}")
        if code == 143 and not STOPPED.search(err):
            self.complain(f"after SIGTERM it says {err[-300:]!r}")

    def compare(self) -> None:
        """Goes on to the end, which must be that of a run that nobody interrupted."""
        found = results(self.folder) if self.work.once else None
        if found != self.right:
            found = self.finish()
        if found != self.right:
            differing = "" if isinstance(found, bytes) else sorted(dict(found.items() ^ self.right.items()))
            self.complain(f"other results: {differing}")
        if left := leftovers(self.folder):
            self.complain(f"left: {sorted(map(str, left))[:5]}")
        self.clear()

    def clear(self) -> None:
        for name in ("out", "tmp"):
            subprocess.run(["rm", "-rf", self.folder / name], check=True)

    def complain(self, what: str) -> None:
        self.wrong.append(f"{self.work.name}: {what}")
        click.echo(self.wrong[-1])


def carry_out(command: list[str], folder: Path) -> None:
    """The command, in this process, which has imported all that it needs, so that signals meet work."""
    os.setsid()
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if command[3:] and command[3] == "serve":  # its workers are started by importing what this process began with
        os.execve(command[0], command, environment(folder))
    os.environ.update(environment(folder))
    sys.argv = command[2:] if command[1] == "-m" else ["-c", *command[3:]]
    tempfile.tempdir = None
    code = command[2] if command[1] == "-c" else "from fullconv.commands.main import main; main()"
    exec(compile(code, "<command>", "exec"), {})
    sys.stderr.flush()


def address_of(process: BaseProcess, folder: Path) -> str:
    while process.exitcode is None:
        if match := READY.search((folder / "stdout").read_text()):
            return match[1]
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {(folder / 'stderr').read_text()}")


@contextmanager
def asked_meanwhile(process: BaseProcess, folder: Path, photo: bytes) -> Iterator[None]:
    """A client asks one thing after another."""

    def client() -> None:
        with suppress(OSError, AssertionError, ValueError):
            address = address_of(process, folder)
            while process.exitcode is None:
                ask(address, photo)

    thread = threading.Thread(target=client)
    thread.start()
    yield
    thread.join()


def processes_of(session: int, seconds: float) -> list[str]:
    """Those that are still there after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        listed = subprocess.run(
            ["ps", "-o", "stat=,args=", "-s", str(session)], capture_output=True, text=True, check=False
        )
        alive = [line for line in listed.stdout.splitlines() if not line.startswith("Z")]
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.1)


def disturb(series: Series, signals: list[int]) -> None:
    """Some signals in a row, then the end."""
    for place, number in enumerate(signals):
        series.interrupt(number)
        if place % IN_A_ROW == IN_A_ROW - 1 or place == len(signals) - 1:
            series.compare()


@click.command()
@click.option("--kills", default=100, help="SIGKILLs over all works.")
@click.option("--terms", default=50, help="SIGTERMs over all works.")
@click.option("--seed", default=0, help="Same seed, same moments as far as the machine is as fast.")
@click.option("--only", help="One work: folder, raster, train, export, convert, download or serve.")
def kills(kills: int, terms: int, seed: int, only: str | None) -> None:
    """Interrupt every work at random moments; the exit code is 1 if one of them shows it in the end."""
    PROCESSES.set_forkserver_preload(LIBRARIES)
    chance, wrong, early, sent = random.Random(seed), [], 0, Counter[int]()
    with tempfile.TemporaryDirectory() as root, running() as server:
        every = [work for work in works(server, caffemodel(Path(root))) if only in (None, work.name)]
        signals = [signal.SIGKILL] * kills + [signal.SIGTERM] * terms
        chance.shuffle(signals)
        for place, work in enumerate(every):
            series, mine = Series(work, Path(root, work.name), chance), signals[place :: len(every)]
            disturb(series, mine)
            sent.update(mine)
            wrong, early = wrong + series.wrong, early + series.early
            times = f"{series.seconds:.1f} s undisturbed"
            click.echo(f"{work.name}: {len(mine)} signals, {len(series.wrong)} wrong, {times}")
    counts = f"{sent[signal.SIGKILL]} SIGKILLs and {sent[signal.SIGTERM]} SIGTERMs"
    click.echo(f"{counts}, {early} of them at commands that had ended; {len(wrong)} wrong")
    sys.exit(bool(wrong))


def caffemodel(folder: Path) -> Path:
    from tests.weights.caffe_files import write_caffemodel
    from tests.weights.caffe_nets import deploy

    return write_caffemodel(folder / "net.caffemodel", deploy("fcn-googlenet").parameters())


if __name__ == "__main__":
    kills()
