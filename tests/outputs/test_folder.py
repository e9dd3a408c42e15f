import pytest

from fullconv.errors import FullconvError, UnknownValue
from tests.outputs.results import result_of


def test_results_do_not_go_to_a_folder_with_the_name_of_a_picture(tmp_path):
    with pytest.raises(UnknownValue, match=r"folder='.*out\.png': looks like the name of a file.*folder='.*out'$"):
        result_of([[0]]).save(tmp_path / "out.png", "photo")
    assert list(tmp_path.iterdir()) == []


def test_results_do_not_go_to_a_file(tmp_path):
    (tmp_path / "out.jpg").write_text("a photo")
    (tmp_path / "out").write_text("another file")
    with pytest.raises(FullconvError, match=r"is a file, and results go to a folder; .*folder='.*results'$"):
        result_of([[0]]).save(tmp_path / "out.jpg", "photo")


@pytest.mark.parametrize("name", ["v1.2", "2026.11.28", "new.png"])
def test_other_names_with_a_dot_and_folders_that_exist_are_taken(tmp_path, name):
    (tmp_path / "new.png").mkdir()
    assert result_of([[0]]).save(tmp_path / name, "photo", ["labels"])
