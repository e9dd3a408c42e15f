"""Videos: every frame keeps its time, the sound does not change, and no incomplete file is left."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("av")
import av

from fullconv.errors import FullconvError
from fullconv.jobs import video_files
from fullconv.jobs.images import parallelism, run_video
from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.plan import plan
from fullconv.jobs.video import VideoRun, ahead, interruption, write_video
from fullconv.segmentation import Segmentation
from tests.jobs.clips import damage, picture, pictures, sounds, times, trim, write_clip
from tests.prediction.stubs import CLASSES

MILLISECOND = Fraction(1, 1000)


class Bright:
    """Labels bright pixels as dog. Some pictures take longer than others."""

    def __init__(self, delay=0.0):
        self.delay = delay

    def predict(self, image, **predicting):
        time.sleep(random.random() * self.delay)
        return Segmentation(image, (image.max(axis=2) > 120).astype(np.uint8), CLASSES)


class StubVideoModel(Bright):
    classes, config = CLASSES, SimpleNamespace(longest_side=64)


class Nothing:
    """Labels everything as background, so that an overlay equals the video."""

    def predict(self, image, **predicting):
        return Segmentation(image, np.zeros(image.shape[:2], np.uint8), CLASSES)


def write(source, target, outputs=("overlay",), model=None, **options):
    return write_video(model or Bright(), Job(source, target), Wanted(tuple(outputs)), 3, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("even.mp4", {}),
        ("slow.mp4", {"rate": 10, "frames": 12}),
        ("ntsc.mp4", {"rate": Fraction(30000, 1001)}),
        ("varying.mkv", {"steps": (40, 80, 20)}),
        ("varying.mp4", {"steps": (33, 34, 200)}),
        ("flac.mkv", {"sound": "flac"}),
        ("mp3.mov", {"sound": "libmp3lame"}),
    ],
)
def test_frames_times_rate_and_sound_are_kept(tmp_path, name, options):
    source = write_clip(tmp_path / name, **options)
    video = write(source, tmp_path / "out", ["overlay", "labels"])
    overlay, labels = video.outputs
    assert [overlay.name, labels.name] == ["out_overlay.mp4", "out_labels.mkv"]
    assert video.frames == len(times(source)) == options.get("frames", 30)
    assert times(overlay) == times(source)
    # Matroska starts at 0. If the sound starts before the first frame, as with AAC, all times are shifted.
    shift = times(labels)[0] - times(source)[0]
    assert all(abs(a - b - shift) <= MILLISECOND for a, b in zip(times(labels), times(source), strict=True))
    for written, later in ((overlay, 0), (labels, shift)):
        sound = zip(sounds(written), sounds(source), strict=True)
        assert all(now == then and abs(a - b - later) <= MILLISECOND for (a, now), (b, then) in sound)
    for written in video.outputs:
        with av.open(str(written)) as result, av.open(str(source)) as original:
            # A video with varying times has no rate, so readers guess one.
            near = 0.2 if "steps" in options else 1e-6
            assert result.streams.video[0].average_rate == pytest.approx(original.streams.video[0].average_rate, near)
            assert result.streams.audio[0].codec_context.name == original.streams.audio[0].codec_context.name


B_FRAMES = {"bf": "2", "g": "12"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("late.mkv", {"start": 5, "options": B_FRAMES, "sound": "flac"}),
        ("hour.mkv", {"start": 3600, "options": B_FRAMES, "sound": None}),
        ("little.mkv", {"start": Fraction(2, 25), "options": B_FRAMES, "sound": None}),
        ("late.mp4", {"start": 5, "options": B_FRAMES, "sound": None}),
        ("late.mts", {"start": 5, "options": B_FRAMES, "form": "mpegts"}),
        ("late.webm", {"start": 5, "codec": "libvpx", "sound": None}),
        ("hevc.mkv", {"start": 5, "codec": "libx265", "options": {"x265-params": "log-level=none"}, "sound": None}),
    ],
)
def test_a_late_start_shifts_all_times_equally(tmp_path, name, options):
    source = write_clip(tmp_path / name, **options)
    expected = times(source)
    for written in write(source, tmp_path / "out", ["overlay", "labels"]).outputs:
        found = times(written)
        shift = found[0] - expected[0]
        assert all(abs(a - b - shift) <= MILLISECOND for a, b in zip(found, expected, strict=True))
        if options.get("sound", "aac"):
            before, after = sounds(source)[0][0] - expected[0], sounds(written)[0][0] - found[0]
            assert abs(before - after) <= MILLISECOND


def test_times_continue_in_joined_recordings(tmp_path):
    first, second = write_clip(tmp_path / "a.ts"), write_clip(tmp_path / "b.ts", frames=40)
    (tmp_path / "ab.ts").write_bytes(first.read_bytes() + second.read_bytes())
    (written,) = write(tmp_path / "ab.ts", tmp_path / "out").outputs
    found = times(written)
    steps = [b - a for a, b in pairwise(found)]
    assert len(found) == 70
    assert 0 < steps.pop(29) < 0.2  # the second recording starts after the sound of the first
    assert steps == pytest.approx([1 / 25] * 68, abs=0.001)


@pytest.mark.parametrize(("start", "seconds"), [(0, 0.8), (0.4, 0.8), (0.8, 0.4)])
@pytest.mark.parametrize("options", [{"bf": "0", "g": "10"}, B_FRAMES])
def test_hidden_frames_of_a_trimmed_video_are_not_damage(tmp_path, start, seconds, options):
    source = write_clip(tmp_path / "a.mp4", frames=40, sound=None, options=options)
    trim(source, start, seconds)
    seen = []
    video = write(source, tmp_path / "out", video_run=VideoRun(lambda *numbers: seen.append(numbers)))
    assert video.frames == len(times(source)) == pytest.approx(seconds * 25, abs=2)
    assert times(video.outputs[0]) == pytest.approx(times(source), abs=0.001)
    assert seen[-1][1] == seconds * 25


@pytest.mark.parametrize("packet", [0, 25, 59])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_damaged_packet_is_skipped(tmp_path, name, packet):
    codec = "mjpeg" if name == "a.avi" else "libx264"
    source = write_clip(tmp_path / name, frames=60, codec=codec, sound=None, options={"g": "10"})
    damage(source, packet)
    job = Job(source, tmp_path / "out" / "a")
    outcome = run_video(StubVideoModel(), job, Wanted(("overlay",)), 2)
    assert outcome.error is None
    assert outcome.frames == len(times(outcome.outputs[0])) == (50 if packet == 0 and codec == "libx264" else 59)
    assert outcome.to_json()["notes"] == ["1 damaged packet was left out"]
    assert outcome.to_json()["reduced_to"] == 64


def test_a_video_that_cannot_be_decoded_gives_a_one_line_error(tmp_path):
    source = write_clip(tmp_path / "a.avi", codec="mjpeg", sound=None)
    for packet in range(30):
        damage(source, packet)
    with pytest.raises(FullconvError, match=r"contains no frames that can be decoded \(30 damaged packets\)"):
        write(source, tmp_path / "out" / "a")
    assert not list((tmp_path / "out").rglob("*"))


def test_opencv_sees_the_same_frames_and_rate(tmp_path):
    cv2 = pytest.importorskip("cv2")
    source = write_clip(tmp_path / "a.mp4", frames=40)
    (written,) = write(source, tmp_path / "out").outputs
    facts = (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    original, result = cv2.VideoCapture(str(source)), cv2.VideoCapture(str(written))
    assert [result.get(fact) for fact in facts] == [original.get(fact) for fact in facts] == [40, 25, 96, 64]


def test_labels_are_lossless_and_in_the_order_of_the_frames(tmp_path):
    source = write_clip(tmp_path / "a.mkv", codec="ffv1")
    (written,) = write(source, tmp_path / "out", ["labels"], Bright(delay=0.02)).outputs
    expected = [(image.max(axis=2) > 120).astype(np.uint8) for image in pictures(source)]
    assert all((a == b).all() for a, b in zip(pictures(written, "gray"), expected, strict=True))
    assert expected[0][20, 5] == expected[25][20, 30] == 1  # the block moves, so a wrong order would be found


def test_the_overlay_shows_the_classes(tmp_path):
    source = write_clip(tmp_path / "a.mp4")
    (written,) = write(source, tmp_path / "out").outputs
    expected = Segmentation(picture(7), (picture(7).max(axis=2) > 120).astype(np.uint8), CLASSES).overlay()
    difference = np.abs(pictures(written)[7].astype(int) - expected)
    assert np.median(difference) <= 3
    assert difference[20, 17].max() < 12


@pytest.mark.parametrize("colours", [None, 1, 9])
def test_colours_do_not_change(tmp_path, colours):
    source = write_clip(tmp_path / "a.mp4", colours=colours)
    (written,) = write(source, tmp_path / "out", model=Nothing()).outputs
    assert np.abs(pictures(written)[3].astype(int) - pictures(source)[3]).mean() < 2
    with av.open(str(written)) as result, av.open(str(source)) as original:
        facts = [
            [getattr(next(container.decode(video=0)), name) for name in ("colorspace", "color_primaries", "color_trc")]
            for container in (result, original)
        ]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_a_rotated_video_is_written_upright(tmp_path, turn):
    cv2 = pytest.importorskip("cv2")
    source = write_clip(tmp_path / "a.mp4", turn=turn)
    video = write(source, tmp_path / "out", model=Nothing())
    assert (video.width, video.height) == ((96, 64) if turn == 180 else (64, 96))
    _, expected = cv2.VideoCapture(str(source)).read()  # OpenCV rotates videos by itself
    first = pictures(video.outputs[0])[0]
    assert first.shape == expected.shape
    assert np.abs(first.astype(int) - expected[..., ::-1]).mean() < 3


def test_odd_sizes_are_kept(tmp_path):
    source = write_clip(tmp_path / "a.mkv", size=(97, 63), codec="ffv1")
    video = write(source, tmp_path / "out", ["overlay", "labels"])
    assert pictures(video.outputs[0])[0].shape == (63, 97, 3)
    assert pictures(video.outputs[1], "gray")[0].shape == (63, 97)


@pytest.mark.parametrize(("sound", "ending"), [("pcm_u8", ".mkv"), ("pcm_alaw", ".mov")])
def test_sound_that_mp4_cannot_hold_goes_into_another_format(tmp_path, sound, ending):
    source = write_clip(tmp_path / "a.avi", sound=sound)
    (written,) = write(source, tmp_path / "out").outputs
    assert written.name == f"out_overlay{ending}"
    assert b"".join(content for _, content in sounds(written)) == b"".join(content for _, content in sounds(source))


def test_a_video_without_sound(tmp_path):
    source = write_clip(tmp_path / "a.webm", sound=None, codec="libvpx")
    (written,) = write(source, tmp_path / "out").outputs
    assert times(written) == times(source)


def cut(source, share):
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])


def test_an_incomplete_video_gives_a_one_line_error_and_leaves_no_file(tmp_path):
    damaged = write_clip(tmp_path / "head.mp4"), 0.5
    matroska = write_clip(tmp_path / "tail.mkv", frames=200), 0.5
    stream = write_clip(tmp_path / "tail.mp4"), 1
    with (
        av.open(str(stream[0])) as original,
        av.open(str(tmp_path / "fast.mp4"), "w", options={"movflags": "faststart"}) as fast,
    ):
        copies = {found.index: fast.add_stream_from_template(found) for found in original.streams}
        for packet in original.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                fast.mux(packet)
    for source, share in (damaged, matroska, (tmp_path / "fast.mp4", 0.6)):
        cut(source, share)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        from tests.jobs.clips import add_sound

        add_sound(container, container.add_stream("aac", rate=44100, layout="mono"), 1)
    messages = {
        "head.mp4": "not a video, empty", "tail.mkv": "damaged, it ends after", "fast.mp4": "damaged, it ends",
        "empty.mp4": "not a video, empty", "text.mp4": "not a video, empty", "sound.mp4": "contains no video",
        "none.mp4": "no such file",
    }  # fmt: skip
    for name, message in messages.items():
        with pytest.raises(FullconvError, match=message) as error:
            write(tmp_path / name, tmp_path / "out" / name, ["overlay", "labels"])
        assert name in str(error.value)
        assert "\n" not in str(error.value)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_only_a_few_frames_are_in_memory():
    drawn = []
    items = (drawn.append(number) or number for number in range(100))
    with ThreadPoolExecutor(2) as pool:
        for done, (item, result) in enumerate(ahead(pool, lambda item: -item, items, 4)):
            assert (item, result) == (done, -done)
            assert len(drawn) <= done + 4
    assert len(drawn) == 100


def test_the_number_of_frames_can_be_limited(tmp_path):
    source = write_clip(tmp_path / "a.mp4")
    seen = []
    video = write(source, tmp_path / "out", video_run=VideoRun(lambda *numbers: seen.append(numbers), lambda n: n < 8))
    assert video.frames == len(times(video.outputs[0])) == 8
    assert seen == [(n + 1, 30) for n in range(8)]


def test_a_camera_is_recorded_until_ctrl_c(tmp_path, monkeypatch):
    """A file replaces the camera. Its times start when the camera was switched on."""
    source = write_clip(tmp_path / "camera.ts", frames=60, sound=None)
    monkeypatch.setattr(video_files, "device", lambda name: (str(source), None))
    (job,) = plan(["webcam:0"], tmp_path / "out")
    before = signal.getsignal(signal.SIGINT)  # it is ignored if a shell runs the tests in the background
    with interruption() as ended:

        def see(frames, expected):
            if frames == 10:
                os.kill(os.getpid(), signal.SIGINT)

        video_run = VideoRun(see, lambda frames: not ended.is_set())
        outcome = run_video(StubVideoModel(), job, Wanted(("overlay",)), 2, video_run=video_run)
    assert outcome.error is None
    (written,) = outcome.outputs
    assert written == tmp_path / "out" / "webcam_0_overlay.mp4"
    assert 10 <= outcome.frames == len(times(written)) < 20
    assert times(written)[0] == 0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("name", "message"), [("webcam:0", "no such camera"), ("webcam:front", "give a camera's number")]
)
def test_a_missing_camera_is_an_error(tmp_path, name, message):
    if name == "webcam:0" and os.path.exists("/dev/video0"):
        pytest.skip("there is a camera")
    with pytest.raises(FullconvError, match=message):
        write(name, tmp_path / "out")


def test_a_failing_model_leaves_no_file(tmp_path):
    def predict(image, **predicting):
        raise FullconvError("out of order")

    source = write_clip(tmp_path / "a.mp4")
    with pytest.raises(FullconvError, match="out of order"):
        write(source, tmp_path / "out" / "a", model=SimpleNamespace(predict=predict))
    assert not list((tmp_path / "out").iterdir())
    assert threading.active_count() < 20


def test_a_video_uses_all_processors():
    assert parallelism(1, videos=1) == parallelism(1000)
