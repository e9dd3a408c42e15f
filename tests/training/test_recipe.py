from pathlib import Path

import pytest

from fullconv.errors import FullconvError
from fullconv.training.recipe import Recipe, read_recipe

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
        ("arch: fcn7s\n", "choose fcn32s, fcn16s, fcn8s, fcn4s, fcn2s, unet"),
        ("scale: [2.0, 0.5]\n", "smaller first"),
        ("precision: fp8\n", "auto, fp32"),
    ],
)
def test_a_wrong_recipe_says_what_is_right(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(FullconvError, match=message):
        read_recipe(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_states_its_command_cost_and_result(path):
    read_recipe(path)
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    for word in ("source:", "command:", "cost:", "expected:"):
        assert any(word in line for line in head), f"{path.name} does not state its {word}"
