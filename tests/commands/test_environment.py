"""Each option of each command can be set by a variable in the environment, named after its longest flag."""

import json
import os

import click
import pytest
from click.testing import CliRunner

from fullconv.commands.main import COMMANDS, fullconv
from tests.conftest import EXAMPLES

PHOTO = str(EXAMPLES / "chelsea.jpg")
VALUES = {"range": "0,9", "bands": "1,2", "size": "32x32", "class_weights": "balanced", "formats": "png", "json": "-"}


def options():
    """Yields (words of the command, command, option) for every option of every command."""
    todo = [((name,), fullconv.get_command(click.Context(fullconv), name)) for name in COMMANDS]
    while todo:
        words, command = todo.pop()
        yield from ((words, command, option) for option in command.params if isinstance(option, click.Option))
        if isinstance(command, click.Group):
            todo += [((*words, name), inner) for name, inner in command.commands.items()]


ALL = [pytest.param(*one, id=" ".join((*one[0], one[2].opts[-1]))) for one in options()]


@pytest.mark.parametrize(("words", "command", "option"), ALL)
def test_the_variable_of_an_option_is_named_after_its_longest_flag(words, command, option, monkeypatch):
    flag = max(option.opts, key=len).removeprefix("--")
    variable = "_".join(["FULLCONV", *words, flag]).replace("-", "_").upper()
    if isinstance(option.type, click.Choice):
        value = option.type.choices[-1]
    else:
        value = VALUES.get(flag.replace("-", "_"), "1" if option.type.name != "path" else "somewhere")
    monkeypatch.setenv(variable, value)
    context = click.Context(fullconv, info_name="fullconv", auto_envvar_prefix="FULLCONV")
    for word in words:
        context = click.Context(command, context, info_name=word)
    assert option.value_from_envvar(context) in (value, [value], (value,))


def test_variables_of_options_with_another_name_in_python():
    done = CliRunner().invoke(fullconv, ["models"], env={"FULLCONV_MODELS_JSON": "-"})
    assert json.loads(done.output)["models"][0]["name"] == "camvid"


def test_options_win_over_variables(tmp_path):
    environment = {"FULLCONV_PREDICT_SAVE": "nothing", "FULLCONV_PREDICT_OUT": str(tmp_path)}
    done = CliRunner().invoke(fullconv, ["predict", PHOTO, "--save", "labels"], env=os.environ | environment)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "chelsea_labels.png").is_file()


def test_a_repeated_option_takes_several_values_from_its_variable():
    environment = {"FULLCONV_SERVE_MODEL": "photos nowhere"}
    done = CliRunner().invoke(fullconv, ["serve", "--host", "0.0.0.0"], env=environment)  # never starts
    assert "no model 'nowhere'" in str(done.exception)
