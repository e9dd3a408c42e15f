"""What a run leaves behind, and that it can be made again from it: the same model, or a refusal that says why."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from fullconv.files import write_json
from fullconv.training import environment, finishing, illustration
from fullconv.training import run as training_run
from fullconv.training import train as training
from fullconv.training.manifest import digest_parameters, read_manifest
from fullconv.training.run_report import commands_of_run
from tests.training.test_run import TINY, parameters, same

HELD = ("recipe.json", "manifest.json", "data.sha256", "log.jsonl", "curves.png", "confusion_matrix.png", "samples.png")


@pytest.fixture(autouse=True, scope="module")
def no_export_and_one_thread():
    """Export takes seconds, and so do two threads that wait for one another on a busy machine."""
    patch, threads = pytest.MonkeyPatch(), torch.get_num_threads()
    patch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    patch.undo()


def run(data, out, **changes):
    return training.train(data, out, **{**TINY, "epochs": 2, **changes})


def train(*arguments):
    return CliRunner().invoke(fullconv, ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def made(disc_data, tmp_path_factory, no_export_and_one_thread):
    """(folder of a run of two epochs, its data)"""
    root = tmp_path_factory.mktemp("made")
    shutil.copytree(disc_data.parent, root / "data")
    run(root / "data" / "discs.yaml", root / "first")
    return root / "first", root / "data" / "discs.yaml"


@pytest.fixture
def own(made, tmp_path):
    """The same, to be spoilt."""
    shutil.copytree(made[0], tmp_path / "first")
    shutil.copytree(made[1].parent, tmp_path / "data")
    return tmp_path / "first", tmp_path / "data" / "discs.yaml"


def test_the_folder_is_complete(made):
    out, data = made
    assert [name for name in HELD if not (out / name).is_file()] == []
    assert list((out / "tensorboard").glob("events*"))
    assert not list(out.rglob("*.part*"))
    for name in HELD[-3:]:
        with Image.open(out / name) as picture:
            assert len(picture.convert("RGB").getcolors(2**24)) > 5
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["data"]["path"] == str(data)
    assert (manifest["data"]["splits"]["train"]["pictures"], manifest["data"]["splits"]["val"]["pictures"]) == (16, 4)
    assert manifest["classes"]["names"] == ["background", "disc"]
    assert manifest["environment"]["torch"] == torch.__version__.split("+")[0]
    assert manifest["again"] == f"fullconv train --from {out}"
    assert (manifest["seed"], manifest["metrics"]["definition"]) == (0, "mmseg")
    rates = [json.loads(line)["lr"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert rates[0] > rates[1] >= 0


def test_the_report_names_commands_that_this_run_allows(tmp_path):
    write_json(tmp_path / "manifest.json", {"data": {"path": "my data"}})
    for staged in (False, True):
        write_json(tmp_path / "recipe.json", {"staged": staged})
        commands = list(commands_of_run(tmp_path, 4))
        assert f"fullconv check 'my data' --model {tmp_path} --sheet suspects.png" in commands
        assert (f"fullconv train --resume {tmp_path} --epochs 8" in commands) == (not staged)


def test_the_report_of_evaluate_tells_what_the_report_of_the_run_does(made, tmp_path):
    out, data = made
    for model in (out, out / "model"):
        page = tmp_path / f"{model.name}.html"
        arguments = ["evaluate", data, "--model", model, "--engine", "torch", "--report", page]
        result = CliRunner().invoke(fullconv, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
        text = page.read_text()
        for told in ("Training curves", f"fullconv train --resume {out} --epochs 4", f"fullconv train --from {out}"):
            assert told in text
            assert told in (out / "report.html").read_text()


def test_repeating_a_run_gives_the_same_model(made, tmp_path):
    result = train("--from", made[0], "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert f"to repeat it: fullconv train --from {tmp_path / 'again'}" in result.output
    assert f"report: {tmp_path / 'again' / 'report.html'}" in result.output
    kept = json.loads((made[0] / "model" / "config.json").read_text())["metrics"]["val"]["mean_iou"]
    assert f"mean IoU {kept:.3f} on val (background " in result.output
    assert same(parameters(tmp_path / "again" / "model"), parameters(made[0] / "model"))
    states = [torch.load(out / "last.pt", weights_only=True)["model"] for out in (made[0], tmp_path / "again")]
    assert same(*states)  # in full precision
    for name in ("log.jsonl", "recipe.json", "data.sha256", "curves.png"):
        if name != "curves.png":  # its title is the folder's name
            assert (tmp_path / "again" / name).read_bytes() == (made[0] / name).read_bytes()


def test_moved_data_can_be_given_again(own, tmp_path):
    out, data = own
    data.parent.rename(tmp_path / "moved")
    write_json(out / "manifest.json", {**read_manifest(out), "data": {**read_manifest(out)["data"], "path": str(data)}})
    assert "no such folder or data YAML" in str(train("--from", out).exception)
    result = train(tmp_path / "moved" / "discs.yaml", "--from", out)
    assert result.exit_code == 0, result.output
    assert same(parameters(out.with_name("first-again") / "model"), parameters(out / "model"))


def test_changed_data_are_refused_with_their_names(own):
    out, data = own
    Image.new("L", (80, 64), 1).save(data.parent / "masks" / "train" / "03.png")
    with pytest.raises(FullconvError, match=r"not the same as in .*first: 1 changed \(masks/train/03\.png\)") as error:
        training.train(data, out.with_name("again"), repeats=out)
    assert "\n" not in str(error.value)
    assert not (out.with_name("again") / "manifest.json").exists()
    with pytest.raises(FullconvError, match="1 changed"):
        training.train(data, out, resume=True)


def test_another_class_name_is_refused(own):
    out, data = own
    data.write_text("path: .\nnames: [background, circle]\n")
    with pytest.raises(FullconvError, match="the classes were background, disc"):
        training.train(data, out.with_name("again"), repeats=out)


def test_other_starting_weights_are_refused(made, tmp_path):
    shutil.copytree(made[0] / "model", tmp_path / "start")
    run(made[1], tmp_path / "second", weights=tmp_path / "start", epochs=1, track="none")
    known = read_manifest(tmp_path / "second")["weights"]
    assert known["weights"]["path"] == str(tmp_path / "start")
    assert train("--from", tmp_path / "second", "--out", tmp_path / "third").exit_code == 0
    assert same(parameters(tmp_path / "third" / "model"), parameters(tmp_path / "second" / "model"))
    run(made[1], tmp_path / "other", seed=3, epochs=1, track="none")
    shutil.copy(tmp_path / "other" / "model" / "model.safetensors", tmp_path / "start")
    error = train("--from", tmp_path / "second", "--out", tmp_path / "fourth").exception
    assert "the model of --weights was" in str(error)
    assert "restore the original" in str(error)


def test_another_initialisation_is_detected(own):
    out, data = own
    manifest = read_manifest(out)
    write_json(out / "manifest.json", {**manifest, "weights": {**manifest["weights"], "start": "0" * 64}})
    with pytest.raises(FullconvError, match="the network's initial parameters"):
        training.train(data, out.with_name("again"), repeats=out)


def test_other_library_versions_are_logged_without_an_error(own, said):
    out, data = own
    manifest = read_manifest(out)
    write_json(out / "manifest.json", {**manifest, "environment": {**manifest["environment"], "timm": "0.1"}})
    training.train(data, out.with_name("again"), repeats=out)
    assert "the model may differ slightly: timm 0.1 → " in said.text


def test_a_repeated_run_keeps_its_recipe(made, tmp_path):
    with pytest.raises(FullconvError, match="was started with lr"):
        training.train(made[1], tmp_path / "again", repeats=made[0], lr=1.0)
    (tmp_path / "recipe.yaml").write_text("lr: 1.0\n")
    with pytest.raises(FullconvError, match="remove --recipe"):
        training.train(made[1], tmp_path / "again", repeats=made[0], recipe=tmp_path / "recipe.yaml")


def test_a_folder_without_a_run_is_reported(tmp_path):
    assert "no run found; --resume and --from need the folder" in str(train("--from", tmp_path).exception)
    assert "Missing argument 'DATA'" in train().output
    assert "use only one of them" in train("--from", tmp_path, "--resume", tmp_path).output


class Killed(BaseException):
    """Nothing catches it."""


def killing(*_):
    raise Killed


def test_the_folder_is_complete_after_a_kill_and_a_resumption(made, tmp_path, monkeypatch):
    """Stopped before the second epoch, and once more while the pictures are drawn."""
    out, data = tmp_path / "run", made[1]
    real, batches = training_run.load_epoch, iter("one")
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "load_epoch", lambda *a: real(*a) if next(batches) == "o" else killing())
        with pytest.raises(Killed):
            run(data, out)
    with monkeypatch.context() as patch:
        patch.setattr(illustration, "draw_samples", killing)
        with pytest.raises(Killed):
            train("--resume", out)  # DATA from the manifest
    result = train("--resume", out)
    assert result.exit_code == 0, result.output
    assert [name for name in HELD if not (out / name).is_file()] == []
    assert len(read_manifest(out)["resumed"]) == 2
    assert (out / "log.jsonl").read_text() == (made[0] / "log.jsonl").read_text()
    assert same(parameters(out / "model"), parameters(made[0] / "model"))


def test_without_matplotlib_the_other_files_are_written(own, monkeypatch, said):
    out, data = own
    monkeypatch.setattr(illustration, "find_spec", lambda library: None)
    run(data, out.with_name("plain"))
    assert "matplotlib is not installed; run: pip install 'fullconv[train]'" in said.text
    held = {path.name for path in out.with_name("plain").iterdir()}
    assert "samples.png" in held
    assert not {"curves.png", "confusion_matrix.png"} & held


def test_without_validation_there_is_nothing_to_confuse(own):
    out, data = own
    for kind in ("images", "masks"):
        shutil.rmtree(data.parent / kind / "val")
    run(data, out.with_name("blind"), track="none")
    held = {path.name for path in out.with_name("blind").iterdir()}
    assert "curves.png" in held
    assert not {"confusion_matrix.png", "samples.png", "tensorboard"} & held


@pytest.mark.parametrize(
    ("program", "typed"), [("/usr/bin/fullconv", "fullconv"), ("/lib/fullconv/__main__.py", "python -m fullconv")]
)
def test_the_recorded_command_can_be_run_again(program, typed, monkeypatch):
    monkeypatch.setattr("sys.argv", [program, "train", "my data/", "--lr", "0.1"])
    assert environment.command_line() == f"{typed} train 'my data/' --lr 0.1"


def test_the_digest_of_parameters_is_of_names_types_and_numbers():
    one = {"a": torch.arange(6.0).view(1, 2, 3, 1), "b": torch.tensor(3)}
    assert digest_parameters(one) == digest_parameters(dict(reversed(one.items())))
    assert digest_parameters(one) == digest_parameters({**one, "a": one["a"].to(memory_format=torch.channels_last)})
    for other in (one["a"] + 1e-6, one["a"].double(), one["a"].view(2, 3)):
        assert digest_parameters({**one, "a": other}) != digest_parameters(one)


def test_a_staged_run_is_repeated_from_its_first_network(made, tmp_path):
    """Its manifest tells of what the first net started from; each net has its own curves."""
    training.train(made[1], tmp_path / "first", **{**TINY, "epochs": 1, "staged": True, "arch": "fcn16s"})
    assert read_manifest(tmp_path / "first")["weights"]["weights"] is None
    assert (tmp_path / "first" / "fcn32s" / "curves.png").is_file()
    result = train("--from", tmp_path / "first", "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert same(parameters(tmp_path / "first" / "model"), parameters(tmp_path / "again" / "model"))


def test_weights_of_the_classes_are_an_option_and_stay_with_the_run(made, tmp_path):
    _, data = made
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(json.dumps({key: value for key, value in TINY.items() if key != "class_weights"}))
    out = tmp_path / "out"
    result = train(data, "--recipe", recipe, "--epochs", 1, "--class-weights", "balanced", "--out", out)
    assert result.exit_code == 0, result.output
    assert "class weights (balanced): disc " in result.output
    assert json.loads((out / "recipe.json").read_text())["class_weights"] == "balanced"
    assert "class weights (balanced): disc " in train("--resume", out).output
    with pytest.raises(FullconvError, match="was started with class_weights balanced"):
        training.train(data, out, resume=True, class_weights=(1.0, 2.0))


@pytest.mark.parametrize("value", ["rare", "1,x"])
def test_invalid_class_weights_are_refused(value):
    result = train("nowhere", "--class-weights", value)
    assert result.exit_code == 2
    assert f"{value}: give none, balanced, enet, or one number per class, such as 1,20" in " ".join(
        result.output.split()
    )
