from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import VOID
from fullconv.errors import FullconvError
from tests.outputs.results import result_of

SCORES = np.log(np.array([[[0.5, 0.9]], [[0.25, 0.05]], [[0.25, 0.05]]], np.float32))


def test_a_grey_picture_of_probabilities(tmp_path):
    result = replace(result_of([[0, 0, 0, VOID]]), seen_scores=SCORES)
    (path,) = result.save(tmp_path, "a", ["confidence"])
    grey = np.array(Image.open(path))
    assert (path.name, grey.shape) == ("a_confidence.png", (1, 4))
    assert grey[0].tolist() == [128, 153, 204, 0]


def test_without_scores_it_says_how_to_keep_them():
    with pytest.raises(FullconvError, match="predict with soft=True"):
        _ = result_of([[0, 1]]).confidence


def test_as_a_list_for_programs_that_know_pipelines():
    result = replace(result_of([[1, 0]]), seen_scores=SCORES)
    by_label = {one["label"]: one for one in result.to_list()}
    assert by_label["background"]["score"] == pytest.approx(0.9)
    assert np.array(by_label["traffic light/red"]["mask"]).tolist() == [[255, 0]]
    assert result_of([[0]]).to_list()[0]["score"] is None


def test_notebooks_show_a_picture():
    assert result_of([[0, 1]])._repr_png_().startswith(b"\x89PNG")
