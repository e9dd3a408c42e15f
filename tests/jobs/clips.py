"""Small videos with sound, made with PyAV."""

import struct
from fractions import Fraction

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)


def picture(number, size=(96, 64)):
    """Returns (H, W, 3): a bright block that moves on a dark background."""
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    image[10:30, number % 60 : number % 60 + 20] = 200, 90, 30
    return image


def write_clip(path, frames=30, rate=25, size=(96, 64), steps=(), sound="aac", turn=0, colours=None, codec="libx264",
               noise=False, start=0, options=None, form=None):  # fmt: skip
    """Writes a video. `steps`: milliseconds between frames, used in turn, for a rate that varies. `start`: seconds
    before the first frame."""
    with av.open(str(path), "w", format=form) as container:
        video = container.add_stream(codec, rate=rate, options=options or {})
        video.width, video.height = size
        video.pix_fmt = {"ffv1": "yuv444p", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        if turn:
            video.set_display_rotation(turn)
        if colours:
            video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
        if steps:
            video.codec_context.time_base = MILLISECOND
        audio = container.add_stream(sound, rate=44100, layout="mono") if sound else None
        times = np.cumsum([0, *(steps[i % len(steps)] for i in range(frames - 1))]) if steps else range(frames)
        for number, time in enumerate(times):
            image = np.random.default_rng(number).integers(0, 255, (*size[::-1], 3), np.uint8) if noise else None
            frame = av.VideoFrame.from_ndarray(picture(number, size) if image is None else image)
            if colours:
                frame = frame.reformat(format="yuv420p", dst_colorspace=colours, dst_color_range=1)
            frame.time_base = MILLISECOND if steps else Fraction(1, rate)
            frame.pts = int(time) + round(start / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio:
            add_sound(container, audio, frames / rate, start)
    return path


def add_sound(container, audio, seconds, begin=0):
    wave = (np.sin(np.arange(int(44100 * seconds)) / 20) * 8000).astype(np.int16)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start + begin * 44100, Fraction(1, 44100)
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def times(path):
    """Returns when each frame is shown, in seconds, as fractions."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def pictures(path, form="rgb24"):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=form) for frame in container.decode(video=0)]


def sounds(path):
    """Returns (time in seconds, bytes) of each packet of sound."""
    with av.open(str(path)) as container:
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def damage(path, packet, content=b"\0"):
    """Overwrites one packet of the video, except its first eight bytes, which the container needs."""
    with av.open(str(path)) as container:
        position, size = [(found.pos, found.size) for found in container.demux(video=0) if found.size][packet]
    whole = bytearray(path.read_bytes())
    whole[position + 8 : position + size] = (content * size)[: size - 8]
    path.write_bytes(whole)


def trim(path, start, seconds):
    """Trims a video by an edit list, as phones and `ffmpeg -ss -c copy` do. The hidden frames stay in the file."""
    content = bytearray(path.read_bytes())
    scales = [find(content, b"moov", b"mvhd"), find(content, b"moov", b"trak", b"mdia", b"mdhd")]
    ticks, fine = (struct.unpack_from(">I", content, at + 20)[0] for at in scales)
    edits = find(content, b"moov", b"trak", b"edts", b"elst")
    struct.pack_into(">Ii", content, edits + 16, int(seconds * ticks), int(start * fine))
    for place in (scales[0] + 24, find(content, b"moov", b"trak", b"tkhd") + 28):
        struct.pack_into(">I", content, place, int(seconds * ticks))
    path.write_bytes(content)


def find(content, *names, start=0, end=None):
    """Returns the position of an MP4 box. `names`: those of the boxes that contain it, then its own."""
    end = len(content) if end is None else end
    while start < end:
        size, name = struct.unpack_from(">I4s", content, start)
        if name == names[0]:
            return start if len(names) == 1 else find(content, *names[1:], start=start + 8, end=start + size)
        start += size
