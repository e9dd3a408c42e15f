"""What NYUD and SIFT Flow give is what the published nets for them take: a step of training on it."""

import pytest
import torch

from fullconv.data.description import open_dataset
from fullconv.models import published, vgg
from fullconv.training.epoch import Epoch
from fullconv.training.losses import SegmentationLoss
from fullconv.training.recipe import Recipe
from fullconv.training.start import prepare_data
from tests.data import trees
from tests.training_pictures import pictures_of


@pytest.fixture
def narrow(monkeypatch):
    """VGG-16 with an eighth of its channels: the same layers, seconds instead of minutes."""
    monkeypatch.setattr(vgg, "STAGES", {stage: (count, width // 8) for stage, (count, width) in vgg.STAGES.items()})
    monkeypatch.setattr(vgg, "DENSE", 64)


def step(net, sample):
    """One step on the whole picture, every head with its own truth; the loss before it and after."""
    image = torch.from_numpy(sample.read_image()).permute(2, 0, 1)[None]
    truths = [torch.from_numpy(label_map)[None].long() for label_map in sample.read_label_maps().values()]
    heads = net.architecture.heads or {"": len(published.NYUD)}
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 1e-5)
    losses = []
    for _ in range(2):
        scores = net(image).split(list(heads.values()), 1)
        loss = sum(SegmentationLoss()(s, t) for s, t in zip(scores, truths, strict=True))
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


@pytest.mark.parametrize("inputs", ["color", "hha", "color-d", "color-hha"])
def test_nyud(narrow, tmp_path, inputs):
    trees.nyud(tmp_path / "nyud")
    (tmp_path / "data.yaml").write_text(f"path: nyud\ninputs: {inputs}\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    config = published.config(f"nyud-fcn32s-{inputs}")
    assert dataset.classes.names == config.classes.names
    sample = dataset.split("train")[0]
    assert sample.read_image().shape[2] == len(config.normalisation.mean)
    before, after = step(published.build(config.name).eval(), sample)
    assert after < before


def test_sift_flow(narrow, tmp_path):
    trees.siftflow(tmp_path)
    dataset = open_dataset(tmp_path)
    config = published.config("siftflow-fcn16s")
    assert dataset.classes.names == config.classes.names
    assert {head: len(classes) for head, classes in dataset.further.items()} == {
        "geo": config.architecture.heads["geo"]
    }
    sample = dataset.split("train")[0]
    assert list(sample.read_label_maps()) == list(config.architecture.heads)
    before, after = step(published.build(config.name).eval(), sample)
    assert after < before


@pytest.mark.parametrize(
    ("inputs", "channels", "dtype"), [("color-d", 4, torch.float32), ("color-hha", 6, torch.uint8)]
)
def test_augmentation_of_other_channels(tmp_path, inputs, channels, dtype):
    trees.nyud(tmp_path / "nyud")
    (tmp_path / "data.yaml").write_text(f"path: nyud\ninputs: {inputs}\n")
    recipe = Recipe(crop_size=32, colour=0.5, pretrained=False, trunk="test_resnet")
    dataset, config = prepare_data(tmp_path / "data.yaml", recipe)
    image, labels, _ = Epoch(pictures_of(dataset.split("train"), config=config), recipe, 0)[0]
    assert (image.shape, image.dtype, labels.shape) == ((channels, 32, 32), dtype, (32, 32))
