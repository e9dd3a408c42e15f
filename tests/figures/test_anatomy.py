"""What the figures show, as numbers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from fullconv import images, overlay
from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.figures.anatomy import DECODER, ENCODER, SCORES, blocks_of, spread, stage_ends
from fullconv.figures.architecture import draw_architecture
from fullconv.figures.classifier import class_index, installed_weights, load_classifier
from fullconv.figures.features import found_first, most_varied
from fullconv.figures.heatmap import laid_out, probability
from fullconv.figures.kernels import first_kernels, patch_at, peaks
from fullconv.figures.ladder import _worst_square
from fullconv.figures.maps import as_batch, influence, maps_of, within_photo
from fullconv.figures.photo_result import run_photo
from fullconv.figures.receptive_field import draw_receptive_field, side_holding
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.fcn import FCN
from fullconv.models.segnet import SegNet
from fullconv.models.tracing import trace
from tests.conftest import EXAMPLES

HALF = NormalisationValues((127.5,) * 3, (127.5,) * 3)


@pytest.fixture(scope="module")
def classifier():
    return load_classifier(None)


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    net = FCN.of(Architecture("resnet18", 8), 3, HALF).eval()
    for name, parameter in net.named_parameters():
        if name.startswith("score"):
            nn.init.normal_(parameter, std=0.1)
    return net


def test_the_mean_of_the_answers_is_what_the_classifier_says(classifier):
    """timm's own network, with its pooling and its dense layer, on the same weights."""
    import timm

    from fullconv.weights.pretrained import read_classifier

    theirs = timm.create_model("tf_efficientnet_lite0").eval()
    theirs.load_state_dict(dict(read_classifier(installed_weights(), theirs)))
    image = torch.rand(1, 3, 224, 256) * 255
    with torch.inference_mode():
        torch.testing.assert_close(
            classifier(image).mean((2, 3)), theirs((image - 127.5) / 127.5), atol=1e-3, rtol=1e-3
        )


def test_the_tabby_cat_is_where_the_cat_is(classifier):
    """The cat is what the bundled model's mask says, in a picture of four photos of which hers is the second."""
    from fullconv.prediction.predictor import load

    photos = [images.read(EXAMPLES / f"{name}.jpg") for name in ("coffee", "chelsea", "astronaut", "rocket")]
    picture = laid_out(photos)
    cat = np.zeros(picture.shape[:2], bool)
    cat[:240, 336:] = load("photos").predict(picture[:240, 336:]).mask("cat")
    shares = probability(classifier, picture, class_index("tabby cat"))
    assert shares.shape == (15, 21)
    y, x = np.unravel_index(shares.argmax(), shares.shape)
    assert cat[32 * y + 16, 32 * x + 16]
    assert 0.3 < shares.max() < 1
    centres = cat[16::32, 16::32]
    assert shares[: len(centres), : centres.shape[1]][~centres[: len(shares)]].mean() < shares[:15][centres].mean() / 10


def test_classes_are_found_by_any_of_their_names():
    assert class_index("tabby cat") == class_index("Tabby") == 281
    with pytest.raises(FullconvError, match=r"similar names: .*cat"):
        class_index("cat")


def test_an_fcn_falls_into_its_parts(resnet):
    parts = blocks_of(trace(resnet, 128, 128))
    assert list(parts) == [
        (ENCODER, 1), (ENCODER, 2), (ENCODER, 4), (ENCODER, 8), (ENCODER, 16), (ENCODER, 32),
        (SCORES, 32), (DECODER, 16), (SCORES, 16), (DECODER, 8), (SCORES, 8), (DECODER, 1),
    ]  # fmt: skip
    assert parts[DECODER, 8].takes == {(DECODER, 16), (SCORES, 8)}
    assert parts[SCORES, 8].takes == {(ENCODER, 8)}
    assert parts[ENCODER, 8].end.shape == (1, 128, 16, 16)


def test_stages_end_where_the_trunk_gives_its_features(resnet):
    ends = stage_ends(trace(resnet, 128, 128))
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    maps, scores = maps_of(resnet, image, [end.module for end in ends])
    with torch.inference_mode():
        features = resnet.trunk(resnet.normalise(torch.tensor(image).permute(2, 0, 1)[None].float()))
    for end in ends[2:]:
        np.testing.assert_allclose(maps[end.module], features[int(end.rows.stride)][0], rtol=1e-4, atol=1e-5)
    assert scores.shape == (3, 128, 128)


def test_names_are_shortened_by_what_they_share():
    assert spread(["trunk.conv3_1", "trunk.relu3_1", "trunk.pool3"]) == "conv3_1 … pool3"
    assert spread(["trunk.network.blocks.2.0.conv_pw", "trunk.network.blocks.2.1"]) == "blocks.2"
    assert spread(["trunk.inception_4a.1x1", "trunk.inception_5b"]) == "inception_4a … 5b"


def test_padding_is_left_out_of_maps(resnet):
    end = stage_ends(trace(resnet, 100, 70))[-1]
    assert end.shape[2:] == (4, 3)
    assert within_photo(np.zeros(end.shape[1:], np.float32), end, 100, 70).shape[1:] == (4, 3)
    assert within_photo(np.zeros(end.shape[1:], np.float32), end, 90, 33).shape[1:] == (3, 2)


def test_influence_is_the_gradient_and_stays_in_the_window(resnet):
    net = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2), nn.Conv2d(2, 2, 3, padding=1)).eval()
    seen = influence(net, np.full((32, 40, 3), 128, np.uint8), 16, 20)
    rows, columns = np.nonzero(seen)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (13, 19, 17, 23)
    assert side_holding(seen, 1.0) == 7


def test_a_network_that_ignores_its_input_is_an_error():
    net = FCN.of(Architecture("resnet18", 32), 3, HALF).eval()  # a new one scores zero everywhere
    with pytest.raises(FullconvError, match="do not depend on any pixel"):
        draw_receptive_field(net, "new", [np.zeros((32, 32, 3), np.uint8)])


def test_the_smallest_square_that_holds_a_share():
    seen = np.zeros((21, 31), np.float32)
    seen[10, 15], seen[10, 18] = 3, 1
    assert side_holding(seen, 0.5) == 1
    assert side_holding(seen, 0.9) == 7


def test_patches_are_what_is_seen(resnet):
    photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    step = stage_ends(trace(resnet, 128, 128))[1]
    assert step.module.startswith("trunk.network.layer1")
    assert (step.rows.stride, step.rows.size) == (4, 43)
    inside = patch_at(photo, step, 16, 16)
    np.testing.assert_array_equal(inside.image, photo[43:86, 43:86])
    assert inside.middle == pytest.approx((0.5, 0.5))
    assert patch_at(photo, step, 0, 16).image.shape == (22, 22, 3)


def test_peaks_are_apart_and_highest_first():
    a, b = np.zeros((20, 20), np.float32), np.zeros((20, 20), np.float32)
    a[3, 4], a[3, 5], b[7, 8], a[15, 15] = 9, 8, 7, 6
    assert peaks([a, b]) == [(0, 3, 4), (1, 7, 8), (0, 15, 15)]


def test_first_kernels_are_in_the_order_of_colours():
    net = nn.Module()
    net.normalise = nn.Module()
    net.normalise.order = [2, 1, 0]  # the network takes BGR
    net.conv = nn.Conv2d(3, 1, 1)
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1))
    name, (tile,) = first_kernels(net)
    assert name == "conv"
    assert tile[0, 0].tolist() == [0, 128, 255]
    with pytest.raises(FullconvError, match="no convolution over three channels"):
        first_kernels(nn.Linear(3, 3))


def test_channels_and_classes_are_ranked():
    maps = np.stack([np.zeros((4, 4)), np.eye(4), 5 * np.eye(4)]).astype(np.float32)
    assert most_varied(maps, 2) == [2, 1]
    scores = np.stack([np.full((2, 2), 1.0), [[2, 2], [2, 0]], np.full((2, 2), -1.0)]).astype(np.float32)
    assert found_first(scores) == [1, 0, 2]


def test_each_stride_shows_the_best_classes_of_its_scores(resnet):
    """The finest sums are those that the network itself gives before it enlarges them."""
    photo = np.random.default_rng(0).integers(0, 255, (96, 64, 3), np.uint8)
    classes = Classes.named(["background", "cat", "dog"])
    shown = run_photo(resnet, photo, classes)
    with torch.inference_mode():
        sums = resnet(as_batch(photo), enlarged=False)[0].argmax(0).numpy()
    assert np.array_equal(shown.labels[DECODER, Fraction(8)], overlay.palette(classes)[sums])
    assert set(shown.labels) == {(SCORES, 32), (DECODER, 16), (DECODER, 8), (DECODER, 1)}


def test_the_mask_is_named_with_its_classes_in_their_colours():
    net, photo = FCN(3, trunk="resnet18").eval(), np.zeros((64, 64, 3), np.uint8)
    result = replace(run_photo(net, photo, Classes.named(["ground", "cat", "dog"])), legend={"dog": "#ff8c00"})
    texts = {text.get_text(): text.get_color() for text in draw_architecture(net, "net", result=result).axes.texts}
    assert "mask" in texts
    assert texts["dog"] == "#ff8c00"


def test_unpooling_is_distinguished_from_other_enlargements():
    for net, label in ((SegNet(3, basic=True), "at the pooling indices"), (FCN(3, trunk="resnet18"), "upscore2 ×2")):
        canvas = draw_architecture(net.eval(), "net", 64)
        words = [text.get_text() for text in canvas.axes.texts]
        assert label in words
        assert ("at the pooling indices" in words) == isinstance(net, SegNet)


def test_the_detail_of_a_ladder_is_where_most_is_wrong_void_left_out():
    labels, truth = np.zeros((30, 60), np.uint8), np.zeros((30, 60), np.uint8)
    truth[18:24, 40:46] = 1
    truth[:15, :30] = 255
    rows, columns = _worst_square(labels, truth, 255)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (10, 10)
    assert (truth[rows, columns] == 1).sum() == 36
