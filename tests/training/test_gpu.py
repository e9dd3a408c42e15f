"""Training on an NVIDIA GPU. Skipped where there is none."""

import json

import pytest
import torch

from fullconv.data.description import open_dataset
from fullconv.training import batch_size, finishing
from fullconv.training import train as training
from fullconv.training.losses import SegmentationLoss
from fullconv.training.recipe import Recipe
from fullconv.weights.checkpoint import load_model
from tests.training_pictures import epoch_of

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_few_steps_on_the_gpu(disc_data, tmp_path, precision, monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    folder = training.train(
        disc_data, tmp_path, epochs=3, arch="fcn8s", trunk="test_resnet", pretrained=False, crop_size=64, batch_size=4,
        lr=3e-3, trunk_lr_factor=1.0, colour=0.3, workers=1, precision=precision,
    )  # fmt: skip
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    network, _ = load_model(tmp_path / "model")
    assert all(value.isfinite().all() for value in network.state_dict().values())
    assert folder.exists()


def test_the_gpu_changes_pictures_as_the_processor_does(disc_data):
    """The same draws, so the same crop and labels; colours differ by rounding."""
    pictures = epoch_of(open_dataset(disc_data).split("train"), Recipe(crop_size=64, colour=0.3), 0)
    pictures.augments = False
    for position in range(8):
        item = pictures[position]
        image, labels, _ = pictures.change(item)
        there, labels_there, _ = pictures.change(item, device="cuda")
        assert (there.device.type, there.shape, there.dtype) == ("cuda", image.shape, image.dtype)
        assert (labels_there.cpu() == labels).float().mean() > 0.99
        assert (there.cpu().float() - image.float()).abs().mean() < 2


@pytest.mark.parametrize("values", [{}, {"dice": 0.5, "lovasz": 0.5}, {"focal": 2.0, "hardest": 0.5}], ids=str)
def test_the_loss_and_its_gradient_are_the_cpus(values):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 5, 33, 47, generator=generator)
    labels = torch.randint(0, 5, (2, 33, 47), generator=generator)
    labels[:, :4] = 255
    loss = SegmentationLoss(weights=torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0]), **values)
    found = []
    for device in ("cpu", "cuda"):
        given = scores.detach().to(device).requires_grad_()
        value = loss(given, labels.to(device))
        value.backward()
        found.append((value.item(), given.grad.cpu()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-4)
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-3, atol=1e-7)


def test_a_run_records_the_batch_that_fits_the_gpu(disc_data, tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "complete_run", lambda *_: None)
    monkeypatch.setattr(batch_size, "LARGEST", 64)
    training.train(
        disc_data, tmp_path, epochs=1, arch="fcn8s", trunk="test_resnet", pretrained=False, crop_size=64, batch_size=0,
        workers=0,
    )  # fmt: skip
    assert json.loads((tmp_path / "recipe.json").read_text())["batch_size"] == 64
    assert not list(tmp_path.glob("*trial*"))
