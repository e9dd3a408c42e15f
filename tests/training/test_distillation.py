"""A teacher's probabilities at the place of a crop, and the distance from them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.training.distillation import STRIDE, Divergence, by_class, target
from fullconv.training.recipe import Recipe
from fullconv.training.transforms import augmentation, change

WHOLE = {"crop_size": 0, "accumulate": 16, "colour": 0.0}


def teacher(classes, align_corners=False):
    return SimpleNamespace(align_corners=align_corners, targets=tuple(range(classes)))


def crop(image, labels, recipe, seed):
    """(image, labels, corners) after the random changes of one seed."""
    torch.manual_seed(seed)
    return change(augmentation(recipe), image, labels)


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_teacher_that_knows_every_pixel_agrees_with_the_labels_of_any_crop(align_corners):
    """Scores of every pixel lie on pixel centres, whichever way corners are aligned."""
    classes = np.random.default_rng(0).integers(0, 5, (6, 8))
    labels = torch.from_numpy(np.kron(classes, np.ones((20, 20))).astype(np.uint8))
    scores = F.one_hot(labels.long(), 5).permute(2, 0, 1).float() * 20
    image = torch.zeros(3, *labels.shape, dtype=torch.uint8)
    recipe, agree, beyond = Recipe(crop_size=96, scale=(0.5, 2.0), colour=0.0), [], 0
    for seed in range(30):
        _, there, corners = crop(image, labels, recipe, seed)
        taught = target(scores, corners, (96, 96), teacher(5, align_corners), 5, 1.0)
        at_cells = there[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        known = at_cells != 255
        assert taught.shape == (5, 24, 24)
        assert not taught[:, ~known].any()
        agree.append((taught.argmax(0) == at_cells)[known])
        beyond += int((~known).sum())
    assert torch.cat(agree).float().mean() > 0.97  # the rest lie on edges
    assert beyond > 0


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("align_corners", [False, True])
def test_scores_are_read_between_the_pixels_they_belong_to(flip, align_corners):
    """Scores and image are the same ramp: where nothing is resampled they stay in step to a fraction of a pixel."""
    ramp = torch.arange(80.0).expand(64, 80)
    image = ramp.expand(3, 64, 80)
    recipe = Recipe(**{**WHOLE, "crop_size": 32}, scale=(1.0, 1.0), unscaled=1.0, flip=flip)
    scores = torch.stack([ramp / 10, torch.zeros_like(ramp)])
    for seed in range(5):
        there, _, corners = crop(image, torch.zeros(64, 80, dtype=torch.uint8), recipe, seed)
        p = target(scores, corners, (32, 32), teacher(2, align_corners), 2, 1.0).float()
        middle = (there[0, 1::4, 1::4] + there[0, 2::4, 2::4]) / 2
        expected = torch.sigmoid(middle / 10)
        torch.testing.assert_close(p[0], expected, atol=2e-3, rtol=0)


def test_temperature_softens():
    scores = torch.tensor([4.0, 0.0])[:, None, None].expand(2, 4, 4)
    corners = torch.tensor([[0.0, 0.0], [16.0, 0.0], [0.0, 16.0]])
    hot, cold = (target(scores, corners, (16, 16), teacher(2), 2, heat)[0, 0, 0].item() for heat in (4.0, 1.0))
    assert cold == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-3)
    assert hot == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)


def test_classes_go_where_their_names_say_and_what_has_none_is_left_out():
    given_probabilities = torch.tensor([0.1, 0.2, 0.3, 0.4])[:, None, None]
    found = by_class(given_probabilities, (1, -1, 0, 1), 3)
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([0.3, 0.5, 0.0]))


def random_case(seed, classes=4):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, classes, 8, 8, generator=generator)
    taught = torch.randn(2, classes, 8, 8, generator=generator).softmax(1)
    labels = torch.full((2, 32, 32), 255)
    return scores, taught, labels


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_distance_is_kullback_and_leiblers(seed):
    scores, taught, labels = random_case(seed)
    divergence = Divergence()
    value = divergence(scores, taught, labels, divergence.cells_of(taught, labels))
    expected = F.kl_div(scores.log_softmax(1), taught, reduction="none").sum(1).mean()
    torch.testing.assert_close(value, expected)
    same = divergence(taught.log(), taught, labels, divergence.cells_of(taught, labels))
    assert same.abs() < 1e-5


def test_cells_beyond_the_picture_do_not_count():
    scores, taught, labels = random_case(0)
    taught[:, :, 4:] = 0
    divergence = Divergence()
    value = divergence(scores, taught, labels, divergence.cells_of(taught, labels))
    expected = F.kl_div(scores[:, :, :4].log_softmax(1), taught[:, :, :4], reduction="none").sum(1).mean()
    torch.testing.assert_close(value, expected)


def test_heat_keeps_the_size_of_the_gradient():
    """The square of the temperature makes up for what softening takes away (arXiv 1503.02531, section 2.1)."""
    logits = torch.tensor([0.02, 0.0, -0.02])[None, :, None, None]
    theirs = torch.tensor([-0.03, 0.01, 0.02])[None, :, None, None]
    labels, gradients = torch.full((1, 4, 4), 255), []
    for heat in (1.0, 4.0):
        scores = logits.clone().requires_grad_()
        Divergence(temperature=heat)(scores, (theirs / heat).softmax(1), labels, torch.tensor(1.0)).backward()
        gradients.append(scores.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0.02, atol=0)


def test_a_teacher_does_not_affect_classes_that_it_does_not_know():
    """It knows 0, 1 and 2; what the labels call 3 it would take for one of these."""
    scores, taught, labels = random_case(0)
    taught[:, 3] = 0
    labels[0, :16] = 3
    labels[1, :16] = 1
    divergence = Divergence(known=(0, 1, 2))
    scores.requires_grad_()
    divergence(scores, taught, labels, divergence.cells_of(taught, labels)).backward()
    assert not scores.grad[:, 3].any()
    assert not scores.grad[0, :, :4].any()
    assert scores.grad[1, :3].abs().min() > 0
    assert scores.grad[0, :3, 4:].abs().min() > 0


def test_finer_scores_are_compared_at_the_teachers_cells():
    scores, taught, labels = random_case(1)
    fine = F.interpolate(scores, scale_factor=4, mode="nearest")
    divergence = Divergence()
    cells = divergence.cells_of(taught, labels)
    torch.testing.assert_close(divergence(fine, taught, labels, cells), divergence(scores, taught, labels, cells))
