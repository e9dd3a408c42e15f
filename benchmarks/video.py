"""Frames a second and peak memory of `fullconv predict clip.mp4`, whole process, for a short and a long clip.

usage: python benchmarks/video.py [--frames 150 1500] [--size 640 360]

The clip is a photo that moves, with sound. Beside it, the network alone on as many frames already in memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image
from processes import Timing, run_once

from fullconv import load
from fullconv.jobs.images import parallelism

PHOTO = Path(__file__).parent.parent / "examples" / "chelsea.jpg"
RUN = "from fullconv.commands.main import main\nmain()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[150, 1500])
    parser.add_argument("--size", type=int, nargs=2, default=[640, 360])
    options = parser.parse_args()
    size = tuple(options.size)
    print(f"network alone {network_alone(size):6.1f} frames/s")
    with tempfile.TemporaryDirectory() as folder:
        for frames in options.frames:
            clip = write_clip(Path(folder) / f"{frames}.mp4", frames, size)
            timing = Timing()
            run_once([sys.executable, "-c", RUN, "predict", str(clip), "--out", f"{folder}/out"], timing)
            print(f"{frames:5} frames {timing}  {frames / timing.seconds[0]:6.1f} frames/s", flush=True)


def network_alone(size: tuple[int, int], count: int = 60) -> float:
    """Frames a second of model.predict from as many threads as a video has."""
    streams, threads = parallelism(0, videos=1)
    model = load(streams=streams)
    frames = [moving(i, size) for i in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(model.predict, frames[:4]))
        start = time.perf_counter()
        list(pool.map(model.predict, frames))
        return count / (time.perf_counter() - start)


def moving(number: int, size: tuple[int, int]) -> np.ndarray:
    photo = np.asarray(Image.open(PHOTO).resize((size[0] + 120, size[1] + 60)))
    x, y = 2 * number % 120, number % 60
    return np.ascontiguousarray(photo[y : y + size[1], x : x + size[0]])


def write_clip(path: Path, frames: int, size: tuple[int, int]) -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = container.add_stream("aac", rate=44100, layout="mono")
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(moving(number, size))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, frames * 44100 // 25, 1024):
            wave = (np.sin(np.arange(start, start + 1024) / 20) * 8000).astype(np.int16)
            samples = av.AudioFrame.from_ndarray(wave[None], "s16", "mono")
            samples.sample_rate, samples.pts, samples.time_base = 44100, start, Fraction(1, 44100)
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    return path


if __name__ == "__main__":
    main()
