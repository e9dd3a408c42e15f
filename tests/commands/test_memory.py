"""--memory: a picture that cannot fit gives a one-line error, and the others are processed."""

import re

from PIL import Image

from tests.commands.shell import shell


def predict(folder, *flags):
    return shell("predict", folder / "in", "--out", folder / "out", "--save", "labels", *flags)


def test_a_picture_that_can_never_fit_is_reported_and_the_others_are_processed(tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (6000, 6000)).save(tmp_path / "in" / "large.png")
    Image.new("RGB", (40, 30)).save(tmp_path / "in" / "small.png")
    ran = predict(tmp_path, "--memory", "600M")
    assert ran.returncode == 1
    errors = [line for line in ran.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1
    assert re.search(
        r"large\.png: needs 432 MB of memory, but only \d+ MB is left for pictures; use --memory", errors[0]
    )
    assert (tmp_path / "out" / "small_labels.png").exists()
    assert not (tmp_path / "out" / "large_labels.png").exists()
    assert predict(tmp_path, "--memory", "2G").returncode == 0
    assert (tmp_path / "out" / "large_labels.png").exists()


def test_an_invalid_size_gives_a_one_line_error(tmp_path):
    ran = predict(tmp_path, "--memory", "much")
    assert ran.returncode != 0
    assert "--memory much: give a size such as 2G" in ran.stderr
    assert "Traceback" not in ran.stderr
