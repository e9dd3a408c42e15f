"""`fullconv predict` on videos that name addresses, playlists, and damaged streams."""

import os
import random
import socket
import threading
from pathlib import Path

import pytest

pytest.importorskip("av")

from tests.hostile.data_sets import write
from tests.hostile.running import Ended, run
from tests.jobs.clips import write_clip

FFCONCAT = "ffconcat version 1.0\nfile secret.mp4\n"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
MUTANTS = 12


def predict(folder: Path, *names: str, seconds: float = 60) -> Ended:
    return run("predict", *names, "--out", "out", inside=folder, seconds=seconds)


@pytest.fixture
def listening():
    """(port, connections so far) of a server that only counts."""
    seen: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def count() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    seen.append(connection)
                    connection.close()
            except OSError:
                return

        threading.Thread(target=count, daemon=True).start()
        yield server.getsockname()[1], seen


def test_names_are_files_and_no_addresses(tmp_path, listening):
    port, seen = listening
    name = f"http:127.0.0.1:{port}?x=.mp4"
    (tmp_path / name).write_bytes(b"no video")
    ended = predict(tmp_path, name)
    assert "not a video" in ended.refused()
    assert not seen


@pytest.mark.parametrize("content", [FFCONCAT, PLAYLIST.format("secret.mp4"), PLAYLIST.format("http://127.0.0.1:9/a.ts"),
                                     "", "text", "<MPD/>"])  # fmt: skip
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_playlists_and_scripts_are_refused(content, ending, tmp_path):
    write_clip(tmp_path / "secret.mp4", frames=3)
    write(tmp_path / f"clip{ending}", content)
    assert f"clip{ending}" in predict(tmp_path, f"clip{ending}").err.splitlines()[0]
    assert not list(tmp_path.glob("out/clip*"))


def mutated(content: bytes, seed: int) -> bytes:
    chance, changed = random.Random(seed), bytearray(content)
    for _ in range(chance.randint(1, 40)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed[: len(changed) // 2]) if seed % 4 == 0 else bytes(changed)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi"])
def test_damaged_streams_end(ending, tmp_path):
    good = write_clip(tmp_path / f"good{ending}", frames=20, sound=None).read_bytes()
    names = [f"mutant{seed}{ending}" for seed in range(MUTANTS)]
    for seed, name in enumerate(names):
        (tmp_path / name).write_bytes(mutated(good, seed))
    ended = predict(tmp_path, *names, f"good{ending}", seconds=120)
    ended.orderly()
    assert list(tmp_path.glob("out/good_overlay*"))


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "clip.mp4")
    assert "clip.mp4" in predict(tmp_path, "clip.mp4").refused()
