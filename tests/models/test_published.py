"""The published nets: their crops, their sizes, their parameters."""

import json
from itertools import pairwise

import pytest
import torch

from fullconv.errors import FullconvError
from fullconv.models import published
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.models.fcn import FCN
from fullconv.models.normalisation import Normalisation
from fullconv.models.vgg import STAGES

OFFSETS = {32: {1: 19}, 16: {16: 5, 1: 27}, 8: {16: 5, 8: 9, 1: 31}}  # Caffe's, in the released prototxt files


def on_meta(name: str) -> FCN:
    with torch.device("meta"):
        return published.build(name).eval()


@pytest.mark.parametrize("name", published.NETS)
def test_crops_are_caffes_and_every_net_gives_scores_of_the_pictures_size(name):
    config, net = published.config(name), on_meta(name)
    expected = {"voc-fcn-alexnet": {1: 18}, "fcn-googlenet": {1: 98}}.get(name, OFFSETS[config.architecture.stride])
    assert net.offsets == expected
    heads = sum(config.architecture.heads.values()) or len(config.classes)
    picture = torch.zeros(1, len(config.normalisation.mean), 41, 67, dtype=torch.uint8, device="meta")
    assert net(picture).shape == (1, heads, 41, 67)


@pytest.mark.parametrize("name", ["voc-fcn32s", "voc-fcn16s", "voc-fcn8s", "voc-fcn-alexnet", "fcn-googlenet"])
def test_every_size_from_1_to_700_fits(name):
    net = on_meta(name)
    for size in range(1, 701, 13 if name == "fcn-googlenet" else 1):  # 13 meets every remainder by 32, and is quick
        assert net(torch.zeros(1, 3, size, 1 + size % 7, device="meta")).shape[2:] == (size, 1 + size % 7)


def test_published_parameters():
    """VGG-16 without its last layer has 134 260 544; FCN-32s adds 21 · 4097 scores and 21 kernels of 64x64."""
    dense = 512 * 7 * 7 * 4096 + 4096 + 4096 * 4096 + 4096
    channels = [3, *(width for count, width in STAGES.values() for _ in range(count))]
    trunk = dense + sum(9 * a * b + b for a, b in pairwise(channels))
    assert trunk == 134_260_544
    assert sum(p.numel() for p in on_meta("voc-fcn32s").parameters()) == trunk + 21 * 4097 + 21 * 64 * 64


def test_two_trunks_are_averaged():
    """Late fusion, shown on a smaller pair: the scores are the mean of what each trunk gives alone."""
    plain = NormalisationValues((0.0,) * 6, (1.0,) * 6)
    net = FCN.of(Architecture("googlenet", 32, alignment="caffe", last_kernel=63, inputs=("a", "b")), 4, plain).eval()
    for name in ("score_fra", "score_frb"):
        torch.nn.init.normal_(net.get_submodule(name).weight)
    picture = torch.randn(1, 6, 40, 40)
    with torch.inference_mode():
        both = net(picture)
        alone = [
            net.get_submodule(f"score_fr{x}")(net.get_submodule(f"trunk{x}")(half)[32])
            for x, half in zip("ab", picture.split(3, 1), strict=True)
        ]
        mean = net.get_submodule("upscore")((alone[0] + alone[1]) / 2)[..., 98:138, 98:138]
    torch.testing.assert_close(both, mean)


def test_at_once_scales_its_skips():
    plain, at_once = published.config("voc-fcn8s").architecture, published.config("voc-fcn8s-atonce").architecture
    assert plain.skip_scales == ()
    assert at_once.skip_scales == (0.01, 0.0001)
    assert on_meta("voc-fcn8s-atonce").scales == {16: 0.01, 8: 0.0001}


@pytest.mark.parametrize("name", published.NETS)
def test_configs_survive_json(name):
    config = published.config(name)
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_channels_are_reordered_to_bgr():
    red = torch.zeros(1, 3, 1, 1)
    red[0, 0] = 255
    values = Normalisation(published.config("voc-fcn32s").normalisation)(red).flatten()
    torch.testing.assert_close(values, torch.tensor([-104.00699, -116.66877, 255 - 122.67892]))


def test_an_unknown_name_lists_the_nets():
    with pytest.raises(FullconvError, match="choose from voc-fcn32s"):
        published.build("voc-fcn64s")
