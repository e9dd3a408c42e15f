"""Which pictures can be chosen."""

import numpy as np
import pytest
from PIL import Image

from fullconv.errors import FullconvError
from fullconv.labelling.candidates import candidates


@pytest.fixture
def root(tmp_path):
    for folder, count in (("images", 2), ("masks", 2), ("more", 3)):
        (tmp_path / folder).mkdir()
        for i in range(count):
            Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / folder / f"{folder[0]}{i}.png")
    for i in range(2):
        (tmp_path / "masks" / f"m{i}.png").rename(tmp_path / "masks" / f"i{i}.png")
    return tmp_path


def names(pictures):
    return [picture.image_path.name for picture in pictures]


def test_all_pictures_of_a_folder_of_pictures(root):
    found = candidates(root / "more")
    assert (names(found.unlabelled), found.labelled) == (["m0.png", "m1.png", "m2.png"], ())


def test_the_unlabelled_and_the_labelled_pictures_of_a_data_yaml(root):
    (root / "data.yaml").write_text("names: [background, line]\nunlabelled: more\n")
    found = candidates(root)
    assert (names(found.unlabelled), names(found.labelled)) == (["m0.png", "m1.png", "m2.png"], ["i0.png", "i1.png"])


def test_a_labelled_picture_is_not_a_candidate(root):
    (root / "data.yaml").write_text("names: [background, line]\nunlabelled: [images, more]\n")
    assert names(candidates(root / "data.yaml").unlabelled) == ["m0.png", "m1.png", "m2.png"]


def test_no_candidates_is_an_error_that_says_what_to_do(root, tmp_path):
    (root / "data.yaml").write_text("names: [background, line]\n")
    with pytest.raises(FullconvError, match="all of its pictures are labelled; give a folder of pictures"):
        candidates(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FullconvError, match="contains no pictures"):
        candidates(tmp_path / "empty")
