"""Photos by their web address, from a server on this machine."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import fullconv
from fullconv.commands.main import fullconv as command
from fullconv.jobs import addresses
from fullconv.jobs.addresses import Fetched, fetched, name_of
from fullconv.jobs.outcome import Outcome
from tests.conftest import EXAMPLES
from tests.data_server import Server, running

CAT = (EXAMPLES / "chelsea.jpg").read_bytes()


@pytest.fixture
def server():
    with running() as found:
        found.files |= {"/a.jpg": CAT, "/a.jpg?size=2": CAT, "/text": b"<html>", "/sub/a.jpg": CAT}
        yield found


def predict(*arguments):
    return CliRunner().invoke(command, ["predict", *map(str, arguments)])


def test_a_downloaded_photo_gives_the_same_result_as_its_file(server, tmp_path):
    result = predict(
        f"{server.url}/a.jpg?size=2", "--allow-http", "--out", tmp_path, "--save", "labels,csv", "--json", "-"
    )
    assert result.exit_code == 0, result.output
    expected = fullconv.load().predict(EXAMPLES / "chelsea.jpg").label_map
    assert np.array_equal(np.array(Image.open(tmp_path / "a_labels.png")), expected)
    assert json.loads(result.stdout)["results"][0]["file"] == f"{server.url}/a.jpg?size=2"
    assert f"{server.url}/a.jpg?size=2," in (tmp_path / "predictions.csv").read_text()


def test_two_photos_of_the_same_name_and_a_missing_one(server, tmp_path):
    inputs = [f"{server.url}/{name}" for name in ("a.jpg", "missing.jpg", "sub/a.jpg")]
    result = predict(*inputs, "--allow-http", "--out", tmp_path, "--save", "labels")
    assert result.exit_code == 1
    assert f"error: {inputs[1]}: the server answered 404" in result.output
    assert len(list(tmp_path.rglob("*_labels.png"))) == 2


def refusal(server, name, allow_http=True):
    with fetched([f"{server.url}/{name}"], allow_http) as found:
        return found.failures[0].error


def test_http_is_refused_unless_allowed(server):
    with pytest.raises(fullconv.FullconvError, match="use https, or add"):
        refusal(server, "a.jpg", allow_http=False)
    assert server.requests == []


def test_a_file_that_is_not_a_photo_is_refused(server):
    assert "not an image" in refusal(server, "text")


@pytest.mark.parametrize(
    ("limit", "says"), [("BYTES", "is larger than"), ("PIXELS", "pixels"), ("SECONDS", "takes longer")]
)
def test_limits(server, monkeypatch, limit, says):
    monkeypatch.setattr(addresses, limit, 0 if limit == "SECONDS" else 1000)
    assert says in refusal(server, "a.jpg")


def test_an_incomplete_download_is_an_error(server):
    server.breaks = [1000]
    assert "a.jpg" in refusal(server, "a.jpg")


def test_a_server_that_does_not_answer_is_an_error():
    with Server() as closed:
        url = closed.url
    with fetched([f"{url}/a.jpg"], allow_http=True) as found:
        assert "cannot be downloaded" in found.failures[0].error


def test_a_redirect_away_from_https_is_not_followed():
    from urllib.request import Request

    handler = addresses.Redirects()
    with pytest.raises(fullconv.FullconvError, match="which is not https"):
        handler.redirect_request(Request("https://a.example/a.jpg"), None, 302, "", {}, "http://a.example/a.jpg")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://a.example/photos/my%20cat.jpg?size=2", "my-cat.jpg"), ("https://a.example/", "photo"),
        ("https://a.example/..%2F..%2Fetc%2Fpasswd", "passwd"), ("https://a.example/.hidden", "hidden"),
    ],
)  # fmt: skip
def test_names_of_results(address, name):
    assert name_of(address) == name


def test_files_are_removed_and_errors_name_the_address(server):
    with fetched(["x.jpg", f"{server.url}/a.jpg"], allow_http=True) as found:
        path = next(iter(found.addresses))
        assert path.read_bytes() == CAT
        assert found.inputs == ("x.jpg", str(path))
        assert found.with_address(Outcome(path, error=f"{path}: damaged")).error == f"{server.url}/a.jpg: damaged"
        assert found.with_address(Outcome("x.jpg")).source == "x.jpg"
    assert not path.exists()
    assert Fetched(("x",)).name("x") == "x"
