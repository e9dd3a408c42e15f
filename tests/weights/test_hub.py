"""Models on the hub: fetched by name, pushed with a card, and one line for whatever is wrong there."""

import json
import os
import subprocess
import sys

import pytest

from fullconv.errors import FullconvError
from fullconv.weights import hub as hub_module
from fullconv.weights.model_folder import find_model
from tests.conftest import EXAMPLES
from tests.weights import hub_server

pytest.importorskip("huggingface_hub")
FILES = ("config.json", "README.md", "model.onnx")


@pytest.fixture
def hub():
    with hub_server.running() as server:
        server.first = server.add("ann/streets", model_files())
        yield server


def model_files(name: str = "camvid") -> dict[str, bytes]:
    return {file: (find_model(name) / file).read_bytes() for file in FILES}


@pytest.fixture
def ask(hub, tmp_path):
    """The command in a process of its own, since the library reads its environment once; gives what it said."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": ""}
        command = [sys.executable, "-m", "fullconv", *words]
        return subprocess.run(
            command, env={**os.environ, **own, **environment}, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def predict(model: str) -> tuple[str, ...]:
    return "predict", str(EXAMPLES / "chelsea.jpg"), "--save", "labels", "--precision", "fp32", "--model", model


def test_a_model_of_the_hub_gives_the_labels_of_its_folder(hub, ask, tmp_path):
    done = ask(*predict("hf://ann/streets"), "--out", "a")
    assert (done.returncode, done.stderr) == (0, "")  # bars are for terminals
    assert ask(*predict(str(find_model("camvid"))), "--out", "b").returncode == 0
    one, other = ((tmp_path / folder / "chelsea_labels.png").read_bytes() for folder in "ab")
    assert one == other
    hub.paths.clear()
    assert ask(*predict("hf://ann/streets"), "--out", "c").returncode == 0
    assert not [path for path in hub.paths if "model.onnx" in path]  # it is in the cache


def test_a_revision_is_the_one_that_is_seen(hub, ask):
    hub.add("ann/streets", model_files("photos"))
    newest, earlier = (
        ask(*predict(name), "--json", "-").stdout for name in ("hf://ann/streets", f"hf://ann/streets@{hub.first}")
    )
    assert "cat" in json.loads(newest)["results"][0]["classes"]
    assert "building" in json.loads(earlier)["results"][0]["classes"]


def test_a_downloaded_model_works_offline(hub, ask):
    assert ask(*predict("hf://ann/streets"), "--out", "a").returncode == 0
    hub.paths.clear()
    assert ask(*predict("hf://ann/streets"), "--out", "b", HF_HUB_OFFLINE="1").returncode == 0
    assert not hub.paths
    line = refused(ask(*predict("hf://ann/streets"), "--out", "c", HF_ENDPOINT="http://127.0.0.1:9"))
    assert "set HF_HUB_OFFLINE=1 to use the copy downloaded before" in line
    assert "not in this machine's cache" in refused(ask(*predict("hf://bob/cats"), HF_HUB_OFFLINE="1"))


def test_a_repository_without_a_model_is_refused_before_download(hub, ask):
    hub.add("ann/words", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"large"})
    hub.add("ann/data", {"README.md": b"# data"})
    hub.add("ann/huge", model_files())
    hub.gated.add("ann/terms")
    for name, told in {
        "hf://ann/words": "not a model that this fullconv can read",
        "hf://ann/data": "not a fullconv model; its repository lacks config.json or model.onnx",
        "hf://ann/none": "no such repository",
        "hf://ann/streets@v9": "no such revision",
        "hf://ann/terms": "its owner requires you to accept terms first",
        "hf://ann": "give hf://owner/name",
        "hf://ann/../streets": "give hf://owner/name",
    }.items():
        line = refused(ask(*predict(name)), 2 if told.startswith("give hf:") else 1)  # 2: no such value
        assert told in line
        assert name in line
    assert not [path for path in hub.paths if "model.safetensors" in path or "model.onnx" in path]


def test_a_repository_that_is_too_large_is_not_downloaded(hub, ask):
    hub.claimed["model.onnx"] = 5 * 10**9
    assert "too large; its files have 5.0 GB and the limit is 4" in refused(ask(*predict("hf://ann/streets")))
    assert not [path for path in hub.paths if "resolve" in path]


def test_a_pushed_model_comes_back_the_same_with_a_card_that_the_hub_reads(hub, ask):
    import yaml

    done = ask("push", "camvid", "ann/new", "--private", "--license", "cc-by-4.0", HF_TOKEN=hub_server.TOKEN)
    assert done.returncode == 0, done.stderr
    assert "hf://ann/new" in done.stdout
    assert hub.private["ann/new"]
    files = list(hub.repos["ann/new"].values())[-1]
    assert set(files) == {*FILES, "model.safetensors"}
    assert all(files[name] == content for name, content in model_files().items() if name != "README.md")
    _, front, text = files["README.md"].decode().split("---\n", 2)
    card = yaml.safe_load(front)
    assert (card["library_name"], card["pipeline_tag"]) == ("fullconv", "image-segmentation")
    assert card["license"] == "cc-by-4.0"
    assert text.strip().startswith("# camvid")
    (result,) = card["model-index"][0]["results"]
    mean_iou = json.loads(files["config.json"])["metrics"]["val"]["mean_iou"]
    assert {"type": "mean_iou", "name": "mean IoU", "value": round(mean_iou, 4)} in result["metrics"]
    assert ask(*predict("hf://ann/new")).returncode == 0


def test_a_push_that_is_not_allowed_or_would_hide_another_model_is_refused(hub, ask):
    hub.add("ann/words", {"config.json": b'{"model_type": "bert"}'})
    before = dict(hub.repos["ann/words"])
    assert "hf auth login" in refused(ask("push", "camvid", "ann/new", HF_TOKEN="hf_wrong"))
    line = refused(ask("push", "camvid", "ann/words", HF_TOKEN=hub_server.TOKEN))
    assert "contains a model from another library; choose another name, or add --overwrite" in line
    assert hub.repos["ann/words"] == before
    done = ask("push", "camvid", "ann/words", "--overwrite", HF_TOKEN=hub_server.TOKEN)
    assert done.returncode == 0
    assert "the card states no licence" in done.stderr
    assert len(hub.repos["ann/words"]) == 2


def test_an_export_of_a_model_of_the_hub_leaves_the_librarys_cache_alone(hub, ask, tmp_path):
    assert ask("export", "hf://ann/streets", "--to", "openvino").returncode == 0
    assert (tmp_path / "streets" / "model.xml").is_file()
    assert not list((tmp_path / "hf").rglob("model.xml"))


def test_addresses():
    assert str(hub_module.parse("hf:/ann/streets@v1.0")) == "hf://ann/streets@v1.0"  # what a Path leaves
    for wrong in ("hf://ann", "hf://ann/a/b", "hf://ann/a@", "hf://ann/a@../b", "hf://ann/a b"):
        with pytest.raises(FullconvError, match="hf://owner/name"):
            hub_module.parse(wrong)


def test_a_light_install_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FullconvError, match=r"pip install 'fullconv\[hub\]'"):
        find_model("hf://ann/streets")
