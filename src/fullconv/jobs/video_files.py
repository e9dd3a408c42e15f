"""Reads and writes video files through PyAV: upright frames in order of time. The sound is copied unchanged."""

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
SWSCALE = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # FFmpeg's numbers of YUV colour spaces → swscale's numbers
BT601, UNSPECIFIED, LIMITED = 5, 2, 1  # swscale's default colour space; no colour space; values 16 to 235, not 0 to 255
FRAME_DURATION = 1 << 8  # FFmpeg's flag for an encoder that keeps how long each frame is shown
# Playlists and scripts (HLS, concat) can open other files and addresses, so their demuxers are left out here.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,h264,hevc,m4v,ogg,flv,dv,mxf"
OF_FILES = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
MISSING = Fraction(1)  # a Matroska file was cut off if it ends this many seconds before the length in its header


class Clip:
    """A video being read. `items` yields its frames and its packets of sound.

    `size`: (width, height) upright. `rate`: frames per second. `lost`: the number of packets so far that could not be
    decoded. Raises Damaged if there is no video in the container, or the file is incomplete.
    """

    def __init__(self, container: Any, name: str) -> None:
        if not container.streams.video:
            raise Damaged(f"{name}: contains no video")
        self.container, self.name, self.lost = container, name, 0
        self.stream, self.sounds = container.streams.video[0], container.streams.audio
        self.stream.thread_type = "SLICE"  # threads for whole frames would lose the last frames after a damaged packet
        self._check_index()
        self.rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.first, self.items = self._open()
        self.turns = round(self.first.rotation / 90) % 4
        size = self.first.width, self.first.height
        self.size = size[::-1] if self.turns % 2 else size

    @property
    def expected(self) -> int | None:
        """The probable number of frames, or None if unknown. In a trimmed MP4, this includes the hidden frames."""
        seconds = Fraction(self.container.duration or 0, 1_000_000)
        return min(filter(None, (self.stream.frames, round(seconds * self.rate))), default=None)

    def upright(self, frame: Any) -> NDArray[np.uint8]:
        """Returns (H, W, 3) RGB. A stream may change its frame size; all frames are scaled to the size of the first."""
        pixels = frame.to_ndarray(format="rgb24", width=self.first.width, height=self.first.height)
        return np.ascontiguousarray(np.rot90(pixels, self.turns))

    def _open(self) -> tuple[Any, Iterator[Any]]:
        """Returns the first frame, whose properties are used for all, and an iterator over everything including it."""
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
        except Exception as error:  # errors of FFmpeg, and others that PyAV raises for unexpected numbers and texts
            reason = getattr(error, "strerror", None) or reason_of(error)
            raise error_type(error)(f"{self.name}: damaged after {counted(frames, 'frame')} ({reason})") from None

    def _decoded(self, packet: Any) -> list[Any]:
        """Returns the frames of a packet. A damaged packet has none, but the following ones can still be decoded."""
        try:
            frames: list[Any] = packet.decode()
        except import_av().FFmpegError:
            self.lost += 1
            return []
        return frames

    def _packets(self) -> Iterator[Any]:
        """Yields the packets of the video and the sound, with times that count from the container's start. Left out are
        the empty packet at the end of a stream of sound, and sound that overlaps where recordings were joined."""
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
        """Returns the time of a frame, or the expected one if it has none. Times always increase."""
        if last is None:
            return pts or 0
        step = max(1, round(1 / (self.rate * self.stream.time_base)))
        return last + step if pts is None else max(pts, last + 1)

    def _check_index(self) -> None:
        """Raises Damaged if an MP4 ends before the last frame in its index. FFmpeg does not report this. Frames that a
        trimmed file hides are not in the index."""
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
    """A video being written, with the sound of a clip. Frames are added in order of time.

    `forms`: {FFmpeg's name of the container format: file extension}, the preferred format first.
    """

    forms: ClassVar[dict[str, str]]

    def __init__(self, container: Any, clip: Clip) -> None:
        self.container, self.clip = container, clip
        self.stream = self._add_stream(rate=clip.rate)
        self.stream.width, self.stream.height = clip.size
        self.stream.codec_context.flags |= FRAME_DURATION
        self.stream.time_base = self.stream.codec_context.time_base = clip.stream.time_base
        ratio = clip.stream.sample_aspect_ratio  # pixels need not be square
        if ratio and ratio != 1:
            self.stream.codec_context.sample_aspect_ratio = 1 / ratio if clip.turns % 2 else ratio
        self.sounds = {sound.index: container.add_stream_from_template(sound) for sound in clip.sounds}

    @abstractmethod
    def _add_stream(self, rate: Fraction) -> Any: ...

    @abstractmethod
    def picture(self, result: Segmentation) -> Any:
        """Returns the frame to write for a result. It may be called from any thread."""

    def add(self, picture: Any, frame: Any) -> None:
        """Writes the next picture at the time of `frame`."""
        picture.pts, picture.time_base, picture.duration = frame.pts, frame.time_base, frame.duration
        self.container.mux(self.stream.encode(picture))

    def pass_on(self, packet: Any) -> None:
        """Writes a packet of sound unchanged. The packet is changed for this and restored afterwards."""
        kept = packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base
        packet.stream = self.sounds[packet.stream.index]
        self.container.mux(packet)
        packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = kept

    def finish(self) -> None:
        """Writes the frames that the encoder still holds, and closes the file."""
        self.container.mux(self.stream.encode())
        self.container.close()


class Overlay(Sink):
    """H.264, hard to distinguish from the original outside the overlay, in the clip's own colour format."""

    forms: ClassVar = {"mp4": ".mp4", "matroska": ".mkv", "mov": ".mov"}

    def _add_stream(self, rate: Fraction) -> Any:
        stream = self.container.add_stream("libx264", rate=rate, options=FINE)
        # All players can show yuv420p, which has one colour per 2x2 pixels and therefore needs even sizes.
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
    """Lossless FFV1. The grey values are class indices."""

    forms: ClassVar = {"matroska": ".mkv"}

    def _add_stream(self, rate: Fraction) -> Any:
        stream = self.container.add_stream("ffv1", rate=rate)
        stream.pix_fmt = "gray"
        return stream

    def picture(self, result: Segmentation) -> Any:
        return import_av().VideoFrame.from_ndarray(result.label_map, format="gray")


SINKS: dict[str, type[Sink]] = {"overlay": Overlay, "labels": Labels}


def is_frame(item: Any) -> bool:
    """Whether the item is a frame. Otherwise it is a packet of sound."""
    return isinstance(item, import_av().VideoFrame)


@contextmanager
def open_clip(source: str) -> Iterator[Clip]:
    """Opens a file, or webcam:0. Raises FullconvError if it cannot be read as a video."""
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
    """Returns a URL that FFmpeg always takes for a file, because a file can have a name such as http:host?x=.mp4."""
    if not os.path.isfile(source):
        problem = "a pipe or a device, not a file" if os.path.exists(source) else "no such file"
        raise FullconvError(f"{source}: {problem}")
    return f"file:{os.path.abspath(source)}"


def device(source: str) -> tuple[str, str]:
    """webcam:0 → (the path of its device, FFmpeg's name of the input format)."""
    number = source.partition(":")[2]
    if not number.isdigit():
        raise FullconvError(f"{source}: give a camera's number, as in webcam:0")
    if not sys.platform.startswith("linux"):
        raise FullconvError(f"{source}: cameras are supported only on Linux; record a video and use that")
    return f"/dev/video{number}", "v4l2"


@contextmanager
def open_sink(path: Path, clip: Clip, kind: type[Sink]) -> Iterator[Sink]:
    """Opens a video for writing. It appears under its name when it is complete, or not at all.

    Raises OSError if it cannot be written, and FullconvError if FFmpeg does not support the video.
    """
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
    """Returns the path of an output and how it is written: target_overlay.mp4, or another format if MP4 does not
    support the clip's sound. Raises FullconvError if no format does."""
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
    av.logging.restore_default_callback()  # with PyAV's own callback, decoder and interpreter could wait for each other
    return av
