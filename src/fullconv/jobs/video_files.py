"""Video files through PyAV: upright frames in order of time, with the sound copied unchanged."""

from __future__ import annotations

import io
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fullconv.damage import as_one_line, error_type, reason_of
from fullconv.errors import Damaged, FullconvError, missing_extra
from fullconv.files import whole
from fullconv.jobs.plan import is_webcam
from fullconv.jobs.video_times import Clock
from fullconv.segmentation import Segmentation
from fullconv.words import counted

FINE = {"crf": "18", "preset": "veryfast"}  # x264: hard to distinguish from the original, and fast
SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # FFmpeg's numbers of ways to write colours as YUV → swscale's
BT601, UNSPECIFIED, LIMITED = 5, 2, 1  # what it takes where none is named; no name; 16 to 235 rather than 0 to 255
FRAME_DURATION = 1 << 8  # FFmpeg's flag for an encoder that passes on how long a frame is shown
# Playlists and scripts (HLS, concat) name other files and addresses: no demuxer of theirs is among these.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,h264,hevc,m4v,ogg,flv,dv,mxf"
OF_FILES = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
MISSING = Fraction(1)  # seconds less than the length that a Matroska file tells of itself: it was cut off


class Clip:
    """A video being read: frames and packets of sound come in `items`.

    `size` is (width, height) upright, `rate` frames a second, `lost` the packets so far that could not be decoded.
    """

    def __init__(self, container: Any, name: str) -> None:
        if not container.streams.video:
            raise Damaged(f"{name}: contains no video")
        self.container, self.name, self.lost = container, name, 0
        self.stream, self.sounds = container.streams.video[0], container.streams.audio
        self.stream.thread_type = "SLICE"  # threads for whole frames lose the last ones where a packet is damaged
        self._check_index()
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.first, self.items = self._open()
        self.turns = round(self.first.rotation / 90) % 4
        size = self.first.width, self.first.height
        self.size = size[::-1] if self.turns % 2 else size

    @property
    def expected(self) -> int | None:
        """How many frames there may be; None: nobody knows. An MP4 that was trimmed counts those it hides, too."""
        seconds = Fraction(self.container.duration or 0, 1_000_000)
        return min(filter(None, (self.stream.frames, round(seconds * self.rate))), default=None)

    def upright(self, frame: Any) -> NDArray[np.uint8]:
        """(H, W, 3) RGB; frames of another size, which streams may hold, are made as large as the first."""
        pixels = frame.to_ndarray(format="rgb24", width=self.first.width, height=self.first.height)
        return np.ascontiguousarray(np.rot90(pixels, self.turns))

    def _open(self) -> tuple[Any, Iterator[Any]]:
        """The first frame, which tells of the others, and everything from the beginning on."""
        items, before = self._read(), []
        for item in items:
            before.append(item)
            if is_frame(item):
                return item, chain(before, items)
        damage = f" that can be decoded ({counted(self.lost, 'damaged packet')})" if self.lost else ""
        raise Damaged(f"{self.name}: contains no frames{damage}")

    def _read(self) -> Iterator[Any]:
        frames, last = 0, None
        try:
            for packet in self._packets():
                if packet.stream.type == "audio":
                    yield packet
                    continue
                for frame in self._decoded(packet):
                    frame.pts = last = self._later(last, frame.pts)
                    frames += 1
                    yield frame
        except FullconvError:
            raise
        except Exception as error:  # FFmpeg's own, and what PyAV makes of numbers and texts that it does not expect
            reason = getattr(error, "strerror", None) or reason_of(error)
            raise error_type(error)(f"{self.name}: damaged after {counted(frames, 'frame')} ({reason})") from None

    def _decoded(self, packet: Any) -> list[Any]:
        """A packet's frames: none where it is damaged, which is not the end of what comes after it."""
        try:
            frames: list[Any] = packet.decode()
        except import_av().FFmpegError:
            self.lost += 1
            return []
        return frames

    def _packets(self) -> Iterator[Any]:
        """Packets of both, that which ends a stream of sound left out; times count from the container's start."""
        pictures, end = 0, Fraction(0)
        clock = Clock(Fraction(max(0, self.container.start_time or 0), 1_000_000))
        for packet in self.container.demux(self.stream, *self.sounds):
            pictures += packet.size > 0 and packet.stream.type == "video"
            if packet.dts is not None:
                end = max(end, (packet.dts + (packet.duration or 0)) * packet.time_base)
            goes_on = clock.set(packet)
            if packet.stream.type == "video" or (packet.dts is not None and goes_on):
                yield packet
        length = Fraction(self.container.duration or 0, 1_000_000)
        if "matroska" in self.container.format.name and end < length - MISSING:
            raise self._cut(pictures)

    def _later(self, last: int | None, pts: int | None) -> int:
        """A frame's own time, or the next where it has none; time never stands still."""
        if last is None:
            return pts or 0
        step = max(1, round(1 / (self.rate * self.stream.time_base)))
        return last + step if pts is None else max(pts, last + 1)

    def _check_index(self) -> None:
        """Raises FullconvError where an MP4 ends before the last of the frames that it lists, which no reader tells
        of. Those that a trimmed one hides are not listed."""
        ends = [entry.pos + entry.size for entry in self.stream.index_entries] if self._is_mp4_file else []
        size = os.path.getsize(self.name) if ends else 0
        if max(ends, default=0) > size:
            raise self._cut(sum(end <= size for end in ends))

    @property
    def _is_mp4_file(self) -> bool:
        return "mov" in self.container.format.name and os.path.isfile(self.name)

    def _cut(self, frames: int) -> FullconvError:
        return Damaged(f"{self.name}: damaged, it ends after {counted(frames, 'frame')}; the file is incomplete")


class Sink(ABC):
    """A video being written, with the sound of a clip: frames in the order of time.

    `forms` are the kinds of files that it may be, with their endings, the best first.
    """

    forms: ClassVar[dict[str, str]]

    def __init__(self, container: Any, clip: Clip) -> None:
        self.container, self.clip = container, clip
        self.stream = self._add_stream(rate=clip.rate)
        self.stream.width, self.stream.height = clip.size
        self.stream.codec_context.flags |= FRAME_DURATION
        self.stream.time_base = self.stream.codec_context.time_base = clip.stream.time_base
        ratio = clip.stream.sample_aspect_ratio  # of pixels that are not square
        if ratio and ratio != 1:
            self.stream.codec_context.sample_aspect_ratio = 1 / ratio if clip.turns % 2 else ratio
        self.sounds = {sound.index: container.add_stream_from_template(sound) for sound in clip.sounds}

    @abstractmethod
    def _add_stream(self, rate: Fraction) -> Any: ...

    @abstractmethod
    def picture(self, result: Segmentation) -> Any:
        """What is shown of a result. Called from any thread."""

    def add(self, picture: Any, frame: Any) -> None:
        """The next picture, at the time of `frame`."""
        picture.pts, picture.time_base, picture.duration = frame.pts, frame.time_base, frame.duration
        self.container.mux(self.stream.encode(picture))

    def pass_on(self, packet: Any) -> None:
        """Sound as it is; the packet stays as it was."""
        kept = packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base
        packet.stream = self.sounds[packet.stream.index]
        self.container.mux(packet)
        packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = kept

    def finish(self) -> None:
        self.container.mux(self.stream.encode())
        self.container.close()


class Overlay(Sink):
    """H.264, hard to distinguish from the original outside the overlay, in the clip's own colour format."""

    forms: ClassVar = {"mp4": ".mp4", "matroska": ".mkv", "mov": ".mov"}

    def _add_stream(self, rate: Fraction) -> Any:
        stream = self.container.add_stream("libx264", rate=rate, options=FINE)
        # Half as many colours as pixels is what every player shows; it needs even sizes.
        stream.pix_fmt = "yuv420p" if all(side % 2 == 0 for side in self.clip.size) else "yuv444p"
        first, context = self.clip.first, stream.codec_context
        context.colorspace = first.colorspace if first.colorspace in SWSCALE else UNSPECIFIED
        context.color_range = LIMITED
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        return stream

    def picture(self, result: Segmentation) -> Any:
        space = SWSCALE.get(self.clip.first.colorspace, BT601)
        frame = import_av().VideoFrame.from_ndarray(result.overlay())
        return frame.reformat(format=self.stream.pix_fmt, dst_colorspace=space, dst_color_range=LIMITED)


class Labels(Sink):
    """FFV1, lossless: grey values are class indices."""

    forms: ClassVar = {"matroska": ".mkv"}

    def _add_stream(self, rate: Fraction) -> Any:
        stream = self.container.add_stream("ffv1", rate=rate)
        stream.pix_fmt = "gray"
        return stream

    def picture(self, result: Segmentation) -> Any:
        return import_av().VideoFrame.from_ndarray(result.label_map, format="gray")


SINKS: dict[str, type[Sink]] = {"overlay": Overlay, "labels": Labels}


def is_frame(item: Any) -> bool:
    """Whether it is a picture; else it is a packet of sound."""
    return isinstance(item, import_av().VideoFrame)


@contextmanager
def open_clip(source: str) -> Iterator[Clip]:
    """A file, or webcam:0. Raises FullconvError for what cannot be read as a video."""
    av = import_av()
    place, kind = device(source) if is_webcam(Path(source)) else (source, None)
    try:
        if kind:
            container = av.open(place, format=kind)
        else:
            container = av.open(_as_file(place), options=OF_FILES, metadata_errors="replace")
    except FileNotFoundError:
        raise FullconvError(f"{source}: no such {'camera' if kind else 'file'}") from None
    except av.FFmpegError as error:
        raise error_type(error)(f"{source}: not a video, empty or damaged ({error.strerror})") from None
    with container:
        with as_one_line(source, "a video", "copy it again from its source"):
            clip = Clip(container, source)
        yield clip


def _as_file(source: str) -> str:
    """As FFmpeg takes it for a file, whatever its name: http:host?x=.mp4 may lie in a folder."""
    if not os.path.isfile(source):
        raise FullconvError(f"{source}: no such file" + (", but a pipe or a device" if os.path.exists(source) else ""))
    return f"file:{os.path.abspath(source)}"


def device(source: str) -> tuple[str, str]:
    """webcam:0 → where the system has it, and how FFmpeg reads it there."""
    number = source.partition(":")[2]
    if not number.isdigit():
        raise FullconvError(f"{source}: give a camera's number, as in webcam:0")
    if not sys.platform.startswith("linux"):
        raise FullconvError(f"{source}: cameras are supported only on Linux; record a video and use that")
    return f"/dev/video{number}", "v4l2"


@contextmanager
def open_sink(path: Path, clip: Clip, kind: type[Sink]) -> Iterator[Sink]:
    """A video to fill, whole under its name at the end or not at all. Raises OSError where it cannot be written,
    FullconvError for what FFmpeg does not take."""
    av = import_av()
    try:
        with whole(path) as hidden, av.open(str(hidden), "w") as container:
            sink = kind(container, clip)
            yield sink
            sink.finish()
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise FullconvError(f"{clip.name}: cannot be written as {path.name} ({error.strerror})") from None


def sink_of(output: str, target: Path, clip: Clip) -> tuple[Path, type[Sink]]:
    """Where and how an output is written: target_overlay.mp4, or in a file of a kind that takes the clip's sound."""
    kind = SINKS[output]
    sound = {stream.codec_context.codec.canonical_name for stream in clip.sounds}
    for form, ending in kind.forms.items():
        with import_av().open(io.BytesIO(), "w", format=form) as container:
            if sound <= container.supported_codecs:
                return target.with_name(f"{target.name}_{output}{ending}"), kind
    raise FullconvError(
        f"{clip.name}: {output} cannot hold sound as {', '.join(sound)}; convert the sound, or remove it"
    )


def import_av() -> Any:
    try:
        import av
    except ImportError:
        raise missing_extra("av", "video") from None
    av.logging.set_libav_level(av.logging.PANIC)  # errors are reported by exceptions
    av.logging.restore_default_callback()  # PyAV's own waits for the interpreter, which waits for the decoder
    return av
