"""Of a run in folds, each picture's judge is the model that has not seen it."""

from pathlib import Path

import pytest

from fullconv.data.dataset import Sample
from fullconv.data.masks import identity_lookup
from fullconv.errors import FullconvError
from fullconv.evaluation.folds import FOLDS, UNSURE, Fold, judges_of, read_folds, write_folds
from tests.outputs.results import CLASSES

ROOT = Path("/data")


def sample(name):
    return Sample(name, ROOT / "images" / name, ROOT / "masks" / name, identity_lookup(CLASSES))


def test_written_folds_are_read_back(tmp_path):
    folds = [Fold("fold1", ("images/a", "images/b")), Fold("fold2", ("images/c",))]
    write_folds(tmp_path, folds)
    assert read_folds(tmp_path) == folds
    assert read_folds(tmp_path / "elsewhere") == []
    (tmp_path / FOLDS).write_text("[{}]")
    with pytest.raises(FullconvError, match="train the folds again"):
        read_folds(tmp_path)


def test_the_judge_is_the_model_that_was_not_trained_on_the_picture(tmp_path):
    write_folds(tmp_path, [Fold("fold1", ("images/a",)), Fold("fold2", ("images/b",))])
    judges = judges_of(tmp_path, ROOT, lambda model: Path(model).name)
    assert [judges(sample(name)) for name in "ab"] == ["fold1", "fold2"]
    assert judges.unsure([sample("a"), sample("b")]) == ""
    assert judges.unsure([sample("a"), sample("new")]).startswith("1 of 2 pictures are in no fold: ")


def test_a_plain_model_judges_all_and_may_have_seen_them():
    judges = judges_of("photos", ROOT, lambda model: model)
    assert judges(sample("a")) == "photos"
    assert judges.unsure([sample("a")]) == UNSURE
