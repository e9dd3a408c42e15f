"""Writes a video with coloured classes, or a video of class indices. The sound is copied.

Decoding and encoding run in the codecs' own threads, one frame after another. Between them, a few frames at a time are
segmented and painted. Only these are held in memory.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.video_files import Clip, Sink, is_frame, open_clip, open_sink, sink_of
from fullconv.outputs.writers import Claim
from fullconv.prediction.predictor import Model

Progress = Callable[[int, int | None], object]  # (finished frames, all frames if known)
Painted = tuple[NDArray[np.int64], list[Any]]  # (pixels of each class, a picture for each sink)


@dataclass
class WrittenVideo:
    """A video that was written. `counts` (256,): the pixels of each class over all frames. `lost`: the packets that
    could not be decoded."""

    width: int
    height: int
    outputs: tuple[Path, ...]
    frames: int = 0
    lost: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))


@dataclass(frozen=True)
class VideoRun:
    """How this run processes a video.

    `progress` is called after each frame with the number of finished frames, and that of all frames if it is known.
    `keep_reading` is called before each frame with the number of frames read so far. Reading ends if it returns False.
    """

    progress: Progress = lambda frames, expected: None
    keep_reading: Callable[[int], bool] = lambda frames: True


EVERY_FRAME = VideoRun()


def write_video(
    model: Model,
    job: Job,
    wanted: Wanted,
    threads: int,
    claim: Claim = lambda paths: None,
    video_run: VideoRun = EVERY_FRAME,
) -> WrittenVideo:
    """Writes target_overlay.mp4, target_labels.mkv, or both, with the sound of the source.

    `claim` is called with the paths of the files before they are written. Raises FullconvError if the source is not a
    video or is damaged, and OSError if writing fails.
    """
    target = job.target
    with open_clip(str(job.source)) as clip, ExitStack() as files, ThreadPoolExecutor(threads) as pool:
        places = [sink_of(output, target, clip) for output in wanted.outputs]
        claim([path for path, _ in places])
        sinks = [files.enter_context(open_sink(path, clip, kind)) for path, kind in places]
        written = WrittenVideo(*clip.size, tuple(path for path, _ in places))

        def paint(frame: Any) -> Painted:
            result = model.predict(clip.upright(frame), tile=wanted.tile, halo=wanted.halo)
            return np.bincount(result.label_map.ravel(), minlength=256), [sink.picture(result) for sink in sinks]

        frames = frames_of(clip, sinks, video_run.keep_reading)
        for frame, (counts, pictures) in ahead(pool, paint, frames, 2 * threads):
            for sink, picture in zip(sinks, pictures, strict=True):
                sink.add(picture, frame)
            written.frames += 1
            written.counts += counts
            video_run.progress(written.frames, clip.expected)
        written.lost = clip.lost
    return written


def frames_of(clip: Clip, sinks: Sequence[Sink], keep_reading: Callable[[int], bool]) -> Iterator[Any]:
    """Yields the clip's frames, and passes the sound between them to the sinks."""
    frames = 0
    for item in clip.items:
        if not is_frame(item):
            for sink in sinks:
                sink.pass_on(item)
        elif keep_reading(frames):
            frames += 1
            yield item
        else:
            return


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[Any], Painted], items: Iterable[Any], limit: int
) -> Iterator[tuple[Any, Painted]]:
    """Yields (item, result of `work`) in order. At most `limit` items are in progress."""
    waiting: deque[tuple[Any, Future[Painted]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) >= limit:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C sets, so that a recording can be finished properly. A second Ctrl-C interrupts as
    usual."""
    event, before = threading.Event(), signal.getsignal(signal.SIGINT)

    def end(number: int, stack: FrameType | None) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, end)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
