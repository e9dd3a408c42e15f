import torch
import torch.nn.functional as F

from fullconv.training.losses import dice_loss, segmentation_loss

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(2, 3, 8, 9, generator=GENERATOR)
LABELS = torch.randint(0, 3, (2, 8, 9), generator=GENERATOR)


def test_without_dice_it_is_torchs_cross_entropy():
    labels = LABELS.clone()
    labels[0, :4] = 255
    expected = F.cross_entropy(SCORES, labels, ignore_index=255)
    torch.testing.assert_close(segmentation_loss(SCORES, labels, 255, 0.0), expected)


def test_dice_by_hand():
    probabilities = SCORES.softmax(1)
    by_class = []
    for c in range(3):
        p, t = probabilities[:, c], (c == LABELS).float()
        by_class.append(1 - 2 * (p * t).sum() / (p + t).sum())
    torch.testing.assert_close(dice_loss(probabilities, LABELS, 255), torch.stack(by_class).mean())


def test_what_is_under_void_does_not_matter():
    labels = LABELS.clone()
    labels[1] = 255
    other = SCORES.clone()
    other[1] = 99 * torch.randn(3, 8, 9)
    a, b = (segmentation_loss(scores, labels, 255, 0.5) for scores in (SCORES, other))
    torch.testing.assert_close(a, b)


def test_all_void_is_zero_with_finite_gradients():
    scores = SCORES.clone().requires_grad_()
    loss = segmentation_loss(scores, torch.full_like(LABELS, 255), 255, 0.5)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.abs().max() == 0
