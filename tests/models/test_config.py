"""config.json in memory: what it says is checked, and wrong values are one line."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.models.published import NETS
from fullconv.models.published import config as published_config
from fullconv.weights.model_files import CONFIG, read_config
from fullconv.weights.model_folder import BUNDLED, bundled_models

ANIMALS = json.loads((BUNDLED / "photos" / CONFIG).read_text())


def changed(path, value):
    """photos' config.json with another value at a path of keys."""
    values = copy.deepcopy(ANIMALS)
    place = values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return values


@pytest.mark.parametrize("name", [*bundled_models(), *NETS])
def test_every_model_here_comes_back_from_its_config(name):
    config = published_config(name) if name in NETS else read_config(BUNDLED / name)
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["name"], 7, "name must be text, not 7"),
        (["longest_side"], "512", "longest_side must be a whole number or null, not '512'"),
        (["longest_side"], 0, "longest_side must be 1 to 1048576, or null"),
        (["enlarge_to"], 513, "enlarge_to must be 1 to longest_side, or null"),
        (["window"], [1], "window must be a list of 2 whole numbers or null, not [1]"),
        (["classes", "names"], "cat", "classes.names must be a list of names, not 'cat'"),
        (["classes", "names", 1], 3, "classes.names[1] must be text, not 3"),
        (["classes", "names", 1], "dog", "classes: class 'dog' is named twice; give every class a different name"),
        (["classes", "names"], ["a", "b"], "classes: 2 classes but 21 colours; give one colour per class"),
        (["classes", "colours", 0], [0, 0], "classes.colours[0] must be a list of 3 whole numbers, not [0, 0]"),
        (["classes", "colours", 0, 1], 256, "classes.colours must be numbers from 0 to 255"),
        (["classes", "void"], None, "classes.void must be a whole number, not None"),
        (["classes", "void"], 3, "classes.void must be 255, or a number that is not a class"),
        (["normalisation", "mean"], [1.0], "normalisation.mean must be one number per channel (3)"),
        (["normalisation", "std", 2], 0, "normalisation.std must be one above 0 per channel (3)"),
        (["normalisation", "order"], [0, 0, 1], "normalisation.order must be each channel once"),
        (["architecture"], None, "architecture must be a mapping of keys to values, not None"),
        (["architecture", "stride"], "8", "architecture.stride must be a whole number, not '8'"),
        (["architecture", "alignment"], "left", "architecture: no alignment 'left'; choose from same, caffe, valid"),
        (["architecture", "channels"], 0, "architecture: channels must not be 0"),
        (["label_mapping"], {"puppy": 3}, "label_mapping.puppy must be text, not 3"),
        (["tags"], [], "unknown key 'tags'; choose from name, "),
    ],
)
def test_a_wrong_value_is_named(path, value, message):
    with pytest.raises(FullconvError) as error:
        ModelConfig.from_json(changed(path, value), "m/config.json")
    assert str(error.value).startswith(f"m/config.json: {message}")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "7", '"a"', "[" * 100_000, "\ufeff{}", "{}", "\0\1"])
def test_a_file_that_is_not_a_config_gives_a_one_line_error(tmp_path, content):
    (tmp_path / CONFIG).write_text(content)
    with pytest.raises(FullconvError, match=r"config\.json") as error:
        read_config(tmp_path)
    assert "\n" not in str(error.value)


@given(st.data())
def test_any_value_anywhere_is_a_config_or_one_line(data):
    """A path drawn from the file, and there a value of another kind."""
    path, place = [], ANIMALS
    while isinstance(place, (dict, list)) and place and (not path or data.draw(st.booleans())):
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        path, place = [*path, key], place[key]
    value = data.draw(st.sampled_from([None, True, -1, 0, 1e300, float("nan"), "", "a", [], [1], {}, {"a": 1}, [[]]]))
    message = "config.json"
    try:
        assert ModelConfig.from_json(changed(path, value)).to_json()
    except FullconvError as error:
        message = str(error)
    assert message.startswith("config.json")
    assert "\n" not in message
