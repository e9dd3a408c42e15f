import json
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.errors import FullconvError
from fullconv.training.recipe import Recipe, from_values, read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def test_a_file_holds_what_differs_and_the_caller_overrides(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("epochs: 7\nscale: [0.5, 2.0]\n")
    recipe = read_recipe(path, lr=0.1, seed=None)
    assert (recipe.epochs, recipe.scale, recipe.lr, recipe.seed) == (7, (0.5, 2.0), 0.1, Recipe().seed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3\n", "did you mean epochs"),
        ("crop_size: 100\n", "multiple of 32"),
        ("arch: fcn7s\n", "choose from fcn32s, fcn16s, fcn8s, fcn4s, fcn2s, unet"),
        ("scale: [2.0, 0.5]\n", "smaller first"),
        ("precision: fp8\n", "auto, fp32"),
        ("epochs: two\n", "epochs must be a whole number, not 'two'"),
        ("epochs:\n", "epochs must be a whole number, not empty"),
        ("epochs: 0\n", "epochs must be 1 or more"),
        ("scale: 1.5\n", "scale must be a list of 2 numbers"),
        ("scale: [1, 2, 3]\n", "scale must be a list of 2 numbers"),
        ("workers: -1\n", "workers must be 0 or more"),
        ("classes: roof\n", "classes must be a list of names"),
        ("longest_side: 0\n", "longest_side must be auto, none, or 32 or more"),
        ("seed: a\n", "seed must be a whole number"),
        ("crop_size: 64.0\n", "crop_size must be a whole number"),
        ("lr: .nan\n", "lr must be a number"),
        ("lr: 0\n", "lr must be a number above 0"),
        ("flip: 2\n", "flip must be between 0 and 1"),
        ("class_weights: [a, b]\n", "class_weights must be text or a list of numbers"),
        ("class_weights: [-1, 2]\n", "class_weights must be none, balanced"),
        ("label_mapping: [a]\n", "label_mapping must be a mapping"),
        ("compile: maybe\n", "compile must be true or false"),
        ("epochs: 3\nepochs: 4\n", "'epochs' is given twice"),
    ],
)
def test_a_wrong_recipe_says_what_is_right(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(FullconvError, match=message) as error:
        read_recipe(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_the_type_of_a_key_decides_what_its_value_means(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("lr: 1e-3\nname: no\nclasses: [yes, off, 1e3]\nlabel_mapping: {on: no}\ncompile: yes\nema: 0\n")
    recipe = read_recipe(path)
    assert (recipe.lr, recipe.name, recipe.classes) == (0.001, "no", ("yes", "off", "1e3"))
    assert (recipe.label_mapping, recipe.compile, recipe.ema) == ({"on": "no"}, True, 0.0)


def test_overrides_are_checked_too():
    for wrong in ({"epochs": "two"}, {"epochs": True}, {"lr": None.__class__}, {"scale": 1.5}, {"banana": 1}):
        with pytest.raises(FullconvError, match=r"must be|unknown key 'banana'"):
            read_recipe(None, **wrong)
    assert read_recipe(None, class_weights=[1, 2]).class_weights == (1.0, 2.0)


def test_a_recipe_survives_json():
    recipe = Recipe(class_weights=(1.0, 0.5), classes=("no", "b"), longest_side=None, label_mapping={"a": "b"})
    assert from_values(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize("key", [f.name for f in fields(Recipe)])
@given(value=st.recursive(st.none() | st.booleans() | st.text(max_size=4) | st.floats(), st.lists, max_leaves=4))
@settings(max_examples=20)
def test_any_value_is_accepted_or_gives_a_one_line_error(key, value):
    try:
        recipe = read_recipe(None, **{key: value})
    except FullconvError as error:
        said = str(error)
    else:
        said = type(getattr(recipe, key)).__name__
    assert said in ("int", "float", "str", "bool", "tuple", "dict", "NoneType") or said.startswith(
        ("recipe: ", "no arch")
    )
    assert "\n" not in said


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_states_its_command_cost_and_result(path):
    read_recipe(path)
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    for word in ("source:", "command:", "cost:", "expected:"):
        assert any(word in line for line in head), f"{path.name} does not state its {word}"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_leaves_nothing_to_the_number_of_pictures(path):
    # Its result would change with the data, and with the defaults of a later version.
    given = set(yaml.safe_load(path.read_text()))
    assert {"lr", "trunk_lr_factor", "batch_size", "crop_size", "epochs"} - given == set()
