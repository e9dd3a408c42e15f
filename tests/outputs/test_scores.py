import numpy as np
import pytest

from fullconv.errors import FullconvError
from tests.outputs.results import CLASSES, result_of


def test_scores_and_the_names_that_they_belong_to(tmp_path):
    scores = np.random.default_rng(0).normal(0, 9, (3, 2, 4)).astype(np.float32)
    (path,) = result_of(scores.argmax(0), scores=scores).save(tmp_path, "photo", ["scores"])
    assert path.name == "photo_scores.npz"
    with np.load(path, allow_pickle=False) as file:
        assert file["scores"].dtype == np.float16
        np.testing.assert_allclose(file["scores"], scores, rtol=1e-3)
        assert file["classes"].tolist() == list(CLASSES.names)


def test_missing_scores_are_reported(tmp_path):
    with pytest.raises(FullconvError, match="scores=True"):
        result_of([[0]]).save(tmp_path, "photo", ["scores"])
