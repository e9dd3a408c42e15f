"""Small videos with sound, made with PyAV."""

from fractions import Fraction

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)


def picture(number, size=(96, 64)):
    """A bright block that moves on a dark ground, HxWx3."""
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    image[10:30, number % 60 : number % 60 + 20] = 200, 90, 30
    return image


def write_clip(path, frames=30, rate=25, size=(96, 64), steps=(), sound="aac", turn=0, colours=None, codec="libx264",
               noise=False):  # fmt: skip
    """`steps`: milliseconds from one frame to the next, in turn, where they are not all alike."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height = size
        video.pix_fmt = "yuv420p" if codec != "ffv1" else "yuv444p"
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
            frame.pts, frame.time_base = int(time), MILLISECOND if steps else Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio:
            add_sound(container, audio, frames / rate)
    return path


def add_sound(container, audio, seconds):
    wave = (np.sin(np.arange(int(44100 * seconds)) / 20) * 8000).astype(np.int16)
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


def times(path):
    """When each frame is shown, in seconds, as fractions."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def pictures(path, form="rgb24"):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=form) for frame in container.decode(video=0)]


def sounds(path):
    """(time in seconds, bytes) of each packet of sound."""
    with av.open(str(path)) as container:
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(audio=0) if packet.size]
