"""The mean IoU that training logs = that of evaluate = that of the files that predict writes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import fullconv
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.jobs.images import run_one
from fullconv.jobs.job import Job, Wanted
from fullconv.metrics import Confusion
from fullconv.models.build import build
from fullconv.models.config import FORMAT
from fullconv.training import finishing, stages
from fullconv.training import train as training
from fullconv.training.pictures import SKIPPED, Skipped, TrainingPicture
from fullconv.training.recipe import Recipe
from fullconv.training.start import prepare_data
from fullconv.weights.model_files import read_config

TINY = {
    "trunk": "test_resnet", "pretrained": False, "arch": "fcn8s", "crop_size": 64, "batch_size": 4, "score_hidden": 8,
    "lr": 3e-3, "trunk_lr_factor": 1.0, "colour": 0.1, "workers": 0, "precision": "fp32", "ema": 0.0, "epochs": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_illustration(monkeypatch, request):
    """Pictures and export take seconds; only the comparison of engines needs the latter."""
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    if "engines" not in request.node.name:
        monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: None)


def write_data(root, save, size, counts=(6, 3)):
    """Discs; `save(path, image)` writes a picture of HxWx3 uint8 as it likes."""
    for split, count in zip(("train", "val"), counts, strict=True):
        for i in range(count):
            image, label_map = draw_photo(size, seed=i + 100 * (split == "val"))
            for folder in ("images", "masks"):
                (root / folder / split).mkdir(parents=True, exist_ok=True)
            save(root / "images" / split / f"{i}", image)
            Image.fromarray(label_map).save(root / "masks" / split / f"{i}.png")
    (root / "data.yaml").write_text("path: .\nnames: [background, disc]\n")
    return root / "data.yaml"


def draw_photo(size, seed):
    """A bright disc (class 1) on a dark noisy ground (class 0)."""
    rng = np.random.default_rng(seed)
    (height, width), (y, x) = size, np.mgrid[: size[0], : size[1]]
    disc = (y - rng.uniform(0.3, 0.7) * height) ** 2 + (x - rng.uniform(0.3, 0.7) * width) ** 2 < (min(size) / 4) ** 2
    image = rng.integers(0, 60, (height, width, 3)) + disc[..., None] * rng.integers(120, 190, 3)
    return image.astype(np.uint8), disc.astype(np.uint8)


def photos(path, image):
    Image.fromarray(image).save(path.with_suffix(".jpg"), quality=90)


def bands(count, dtype, on_the_ground=True, nodata=None):
    def save(path, image):
        rasterio = pytest.importorskip("rasterio")
        deep = [(image[..., i % 3].astype(float) * 17 + 300 - 40 * i).astype(dtype) for i in range(count)]
        placed = {"crs": "EPSG:32632", "transform": rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)} if on_the_ground else {}
        with rasterio.open(
            path.with_suffix(".tif"), "w", driver="GTiff", height=image.shape[0], width=image.shape[1], count=count,
            dtype=dtype, nodata=nodata, **placed,
        ) as raster:  # fmt: skip
            raster.write(np.stack(deep))

    return save


@pytest.mark.parametrize(
    ("save", "size", "changes"),
    [
        (photos, (900, 1500), {}), (photos, (900, 1500), {"longest_side": "none"}),
        (bands(3, "uint16"), (96, 130), {}), (bands(5, "uint16"), (96, 130), {}), (bands(2, "int16"), (96, 130), {}),
        (bands(3, "float32", on_the_ground=False), (96, 130), {"longest_side": 64}),
        (bands(3, "uint16"), (200, 300), {"longest_side": 64}), (bands(1, "uint16", False), (96, 130), {}),
        (bands(7, "uint8"), (96, 130), {}), (bands(3, "uint16"), (96, 130), {"range": (200.0, 4000.0)}),
    ],
    ids=["photos", "photos-own-scale", "3x16", "5x16", "2xint16", "float", "ground", "grey16", "7x8", "range"],
)  # fmt: skip
def test_logged_evaluated_and_written_scores_are_equal(tmp_path, save, size, changes):
    data = write_data(tmp_path / "d", save, size)
    compare(data, tmp_path, changes, {"torch": 1e-6})


def test_engines_agree_with_what_was_logged(tmp_path):
    data = write_data(tmp_path / "d", bands(5, "float32"), (96, 130))
    compare(data, tmp_path, {}, {"torch": 1e-6, "openvino": 1e-3, "onnxruntime": 1e-3})


def compare(data, root, changes, engines):
    folder = training.train(data, root / "run", track="none", **{**TINY, **changes})
    logged = json.loads((root / "run" / "log.jsonl").read_text().splitlines()[-1])["mean_iou"]
    for engine, tolerance in engines.items():
        model = fullconv.load(folder, engine=engine, precision="fp32")
        assert fullconv.evaluate(model, data)["mean_iou"] == pytest.approx(logged, abs=tolerance)
        assert of_files(model, data, root / engine) == pytest.approx(logged, abs=tolerance)


def of_files(model, data, out):
    """The mean IoU of what is written for the validation pictures."""
    confusion = Confusion(model.classes)
    for sample in open_dataset(data).split("val"):
        outcome = run_one(model, Job(sample.image_path, out / sample.name), Wanted(("labels",)))
        assert outcome.error is None
        confusion.add(sample.read_label_map(), np.array(Image.open(outcome.outputs[0])))
    return confusion.report()["mean_iou"]


def test_lines_two_pixels_wide_are_seen_at_their_own_scale(tmp_path):
    def lines(path, image):
        Image.fromarray(image).save(path.with_suffix(".png"))

    data = write_data(tmp_path, lines, (400, 2000), (3, 1))
    for i in range(3):
        label_map = np.zeros((400, 2000), np.uint8)
        label_map[50 + 90 * i : 52 + 90 * i] = 1
        Image.fromarray(label_map).save(tmp_path / "masks" / "train" / f"{i}.png")
    assert prepare_data(data, Recipe())[1].longest_side is None
    assert prepare_data(data, Recipe(longest_side=256))[1].longest_side == 256


def test_discs_are_reduced_and_rasters_are_not(tmp_path):
    assert prepare_data(write_data(tmp_path / "a", photos, (300, 900)), Recipe())[1].longest_side == 512
    config = prepare_data(write_data(tmp_path / "b", bands(3, "uint8"), (300, 900)), Recipe())[1]
    assert (config.longest_side, config.reduces_rasters) == (None, False)
    config = prepare_data(tmp_path / "b" / "data.yaml", Recipe(longest_side=512))[1]
    assert (config.longest_side, config.reduces_rasters) == (512, True)


def test_an_fcn_from_plain_arguments_is_the_one_that_training_builds(tmp_path):
    config = prepare_data(write_data(tmp_path, bands(5, "uint8"), (96, 130)), Recipe(**TINY))[1]
    torch.manual_seed(0)
    trained = build(config)
    torch.manual_seed(0)
    plain = fullconv.FCN(classes=2, stride=8, trunk="test_resnet", score_hidden=8, channels=5)
    assert plain.architecture == trained.architecture
    assert plain.state_dict().keys() == trained.state_dict().keys()
    assert all(torch.equal(values, trained.state_dict()[name]) for name, values in plain.state_dict().items())


def test_the_label_map_is_reduced_with_its_picture(tmp_path):
    data = write_data(tmp_path, photos, (300, 900))
    dataset, config = prepare_data(data, Recipe(longest_side=90))
    sample = dataset.split("train")[0]
    image, label_map, _ = TrainingPicture(sample, config, Skipped(tmp_path / "s")).read()
    assert image.shape == (3, 30, 90)
    assert (label_map.numpy() == sample.read_label_map()[5::10, 5::10]).mean() > 0.97


def test_config_json_says_which_input_it_takes(tmp_path):
    data = write_data(tmp_path / "d", bands(3, "uint16"), (96, 130))
    folder = training.train(data, tmp_path / "run", track="none", **TINY)
    written = json.loads((folder / "config.json").read_text())
    assert (written["format"], written["input"]) == (FORMAT, "float32")
    assert len(written["range"]) == 3
    config = read_config(folder)
    assert config.range[0][0] == pytest.approx(300, abs=40)
    del written["range"], written["input"], written["reduces_rasters"]
    (folder / "config.json").write_text(json.dumps({**written, "format": 1}))
    assert read_config(folder) == replace(config, range=())


def damage(path):
    path.write_bytes(path.read_bytes()[:300])


def test_a_damaged_picture_is_left_out_named_and_counted(tmp_path, said):
    data = write_data(tmp_path / "d", photos, (64, 80), (24, 3))
    damage(tmp_path / "d" / "images" / "train" / "3.jpg")
    training.train(data, tmp_path / "run", track="none", **TINY)
    assert "left out: " in said.text
    (left,) = Skipped(tmp_path / "run" / SKIPPED).all()
    assert left.endswith("train/3.jpg")


def test_more_than_a_twentieth_is_an_error_before_training(tmp_path):
    data = write_data(tmp_path / "d", photos, (64, 80), (24, 3))
    for i in range(2):
        damage(tmp_path / "d" / "images" / "train" / f"{i}.jpg")
    with pytest.raises(FullconvError, match=r"2 of 24 pictures cannot be read, the first is .*fullconv check"):
        training.train(data, tmp_path / "run", track="none", **TINY)
    assert not (tmp_path / "run" / "last.pt").exists()


@pytest.mark.parametrize(("count", "ends"), [(1, False), (3, True)])
def test_pictures_that_vanish_during_a_training(tmp_path, monkeypatch, count, ends):
    data = write_data(tmp_path / "d", photos, (64, 80), (44, 3))
    whole = stages.run

    def vanish(*arguments):
        for i in range(count):
            (tmp_path / "d" / "images" / "train" / f"{i}.jpg").unlink()
        whole(*arguments)

    monkeypatch.setattr(stages, "run", vanish)
    if ends:
        with pytest.raises(FullconvError, match=r"3 of 47 pictures cannot be read.*--resume"):
            training.train(data, tmp_path / "run", track="none", **TINY)
    else:
        training.train(data, tmp_path / "run", track="none", **{**TINY, "workers": 2})
        assert len(Skipped(tmp_path / "run" / SKIPPED).all()) == count
