"""What `fullconv serve` refuses before it starts."""

import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fullconv.commands import serve
from fullconv.commands.main import fullconv
from fullconv.serving.place import Place
from fullconv.weights.model_folder import find_model


def refused(*arguments):
    result = CliRunner().invoke(fullconv, ["serve", *arguments])
    assert result.exit_code == 1
    return str(result.exception)


def test_listening_on_all_interfaces_requires_a_token_or_open():
    assert "add --token TOKEN, or --open" in refused("--host", "0.0.0.0")


def test_an_unknown_model_and_two_models_of_one_name_are_refused(tmp_path):
    assert "no model 'photo'" in refused("--model", "photo")
    shutil.copytree(find_model("photos"), tmp_path / "mine")
    assert "two models are called photos" in refused("--model", "photos", "--model", str(tmp_path / "mine"))


def test_an_unknown_format_is_refused():
    assert "--formats: no format 'svg'; choose from jpeg" in refused("--formats", "svg")


@pytest.mark.parametrize("site", ["foo", "*", "https://a.example/page", "https://A.example", "ftp://a.example"])
def test_a_website_that_no_browser_would_name_is_refused(site):
    assert f"--cors {site}: give a website as browsers name it" in refused("--cors", site)


@pytest.mark.parametrize("site", ["https://a.example", "http://localhost:3000", "http://[::1]:3000"])
def test_websites_may_have_a_port(site):
    Place("127.0.0.1", 8000, origins=(site,)).check()


def test_one_worker_is_not_called_workers(capsys):
    for count, words in ((1, "(openvino; 1 worker)"), (2, "(openvino; 2 workers)")):
        serve.print_address("http://a", SimpleNamespace(models={"photos": {"engine": "openvino"}}, all=[None] * count))
        assert words in capsys.readouterr().out


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    with pytest.raises(Exception, match=r"starlette is not installed; run: pip install 'fullconv\[serve\]'"):
        serve.check_extra()
