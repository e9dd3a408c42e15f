"""YAML is read as the text that stands there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.errors import FullconvError
from fullconv.yaml_files import read_yaml

KEYS = ["a", "b"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("yaml") / "f.yaml"


def test_nothing_is_guessed(path):
    path.write_text("a: {no: 1e3, 2024-05-01: [yes, ~, 007, 0x10]}\nb: {[1, 2]: x, <<: {y: null}}\n")
    assert read_yaml(path, KEYS) == {
        "a": {"no": "1e3", "2024-05-01": ["yes", "~", "007", "0x10"]},
        "b": {("1", "2"): "x", "y": "null"},
    }


@pytest.mark.parametrize("nothing", ["", " ~", " null", " Null"])
def test_a_key_without_a_value_is_none(path, nothing):
    path.write_text(f"a:{nothing}\nb: 'null'\n")
    assert read_yaml(path, KEYS) == {"a": None, "b": "null"}


def test_the_mark_of_tools_on_windows_is_no_text(path):
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path, KEYS) == {"a": "1"}


@given(text=st.text("ab:-?[]{}&*!<~'\"|>, \n#%@0", max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_mapping_or_refused_in_a_line(path, text):
    path.write_text(text)
    try:
        said = str(dict(read_yaml(path, KEYS))).replace("\n", " ")
    except FullconvError as error:
        said = str(error)
        assert said.startswith(str(path))
    assert "\n" not in said
