import pytest
import torch
import torch.nn.functional as F

from fullconv.training.losses import SegmentationLoss, dice_loss, extended_jaccard, lovasz_loss

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(2, 3, 8, 9, generator=GENERATOR)
LABELS = torch.randint(0, 3, (2, 8, 9), generator=GENERATOR)


def test_without_dice_it_is_torchs_cross_entropy():
    labels = LABELS.clone()
    labels[0, :4] = 255
    expected = F.cross_entropy(SCORES, labels, ignore_index=255)
    torch.testing.assert_close(SegmentationLoss()(SCORES, labels), expected)


def test_dice_by_hand():
    probabilities = SCORES.softmax(1)
    by_class = []
    for c in range(3):
        p, t = probabilities[:, c], (c == LABELS).float()
        by_class.append(1 - 2 * (p * t).sum() / (p + t).sum())
    torch.testing.assert_close(dice_loss(probabilities, LABELS, 255), torch.stack(by_class).mean())


def test_dice_ignores_classes_absent_from_the_batch():
    """By hand over the classes there are; the absent one's probability would else add a loss of 1."""
    labels = LABELS.where(LABELS != 1, 2)
    probabilities = SCORES.softmax(1)
    by_class = []
    for c in (0, 2):
        p, t = probabilities[:, c], (c == labels).float()
        by_class.append(1 - 2 * (p * t).sum() / (p + t).sum())
    torch.testing.assert_close(dice_loss(probabilities, labels, 255), torch.stack(by_class).mean())


def test_scores_on_void_do_not_matter():
    labels = LABELS.clone()
    labels[1] = 255
    other = SCORES.clone()
    other[1] = 99 * torch.randn(3, 8, 9)
    a, b = (SegmentationLoss(dice=0.5, lovasz=0.5)(scores, labels) for scores in (SCORES, other))
    torch.testing.assert_close(a, b)


def test_all_void_is_zero_with_finite_gradients():
    scores = SCORES.clone().requires_grad_()
    loss = SegmentationLoss(dice=0.5, lovasz=0.5)(scores, torch.full_like(LABELS, 255))
    loss.backward()
    assert loss.item() == 0
    assert scores.grad.abs().max() == 0


def jaccard_loss_of(wrong: set[int], truth: set[int]) -> float:
    """1 - IoU of class `truth` where exactly the pixels of `wrong` are labelled wrongly: the definition."""
    predicted = truth ^ wrong
    return 1 - len(predicted & truth) / len(predicted | truth)


def test_lovasz_of_hard_labels_is_one_minus_iou():
    predicted = torch.randint(0, 3, (2, 8, 9), generator=GENERATOR)
    hard = F.one_hot(predicted, 3).movedim(3, 1).float()
    by_class = []
    for c in range(3):
        p, t = predicted == c, c == LABELS
        by_class.append(1 - (p & t).sum() / (p | t).sum())
    torch.testing.assert_close(lovasz_loss(hard, LABELS, 255), torch.stack(by_class).mean())


def test_lovasz_by_the_definition_of_the_extension():
    """For sorted errors e: Σ eᵢ (J({1…i}) - J({1…i-1})), each J counted from sets."""
    errors = torch.rand(12, generator=GENERATOR)
    truth = {0, 3, 4, 7, 11}
    target = torch.tensor([float(i in truth) for i in range(12)])
    expected, wrong = 0.0, set()
    for i in errors.argsort(descending=True).tolist():
        before = jaccard_loss_of(wrong, truth)
        wrong = wrong | {i}
        expected += errors[i].item() * (jaccard_loss_of(wrong, truth) - before)
    assert extended_jaccard(errors, target).item() == pytest.approx(expected, abs=1e-6)


def test_focal_and_weights_by_torchs_cross_entropy():
    """Each pixel's cross-entropy from torch, its focal factor from the softmax; weighted means as torch has them."""
    labels = LABELS.clone()
    labels[1, 3:] = 255
    weights = torch.tensor([0.2, 1.0, 3.0])
    expected = F.cross_entropy(SCORES, labels, weights, ignore_index=255)
    torch.testing.assert_close(SegmentationLoss(weights=weights)(SCORES, labels), expected)

    each = F.cross_entropy(SCORES, labels, ignore_index=255, reduction="none")
    certain = SCORES.softmax(1).gather(1, labels.where(labels != 255, 0)[:, None])[:, 0]
    focal = (each * (1 - certain) ** 2)[labels != 255].mean()
    torch.testing.assert_close(SegmentationLoss(focal=2.0)(SCORES, labels), focal)


def test_only_the_hardest_pixels_count():
    labels = LABELS.clone()
    labels[0, 0] = 255
    each = F.cross_entropy(SCORES, labels, ignore_index=255, reduction="none")[labels != 255]
    hardest = each.sort(descending=True).values[: round(0.25 * len(each))].mean()
    torch.testing.assert_close(SegmentationLoss(hardest=0.25)(SCORES, labels), hardest, rtol=1e-2, atol=0)


def test_the_papers_loss_is_a_sum_over_pixels():
    labels = LABELS.clone()
    labels[1, 5] = 255
    expected = F.cross_entropy(SCORES, labels, ignore_index=255, reduction="sum")
    torch.testing.assert_close(SegmentationLoss(total=True)(SCORES, labels), expected)


def test_the_losses_of_parts_add_up_to_the_batchs():
    """Also where one part is nearly all void, which an average of averages would count too much."""
    labels = LABELS.clone()
    labels[1, 1:] = 255
    loss = SegmentationLoss(weights=torch.tensor([0.2, 1.0, 3.0]))
    weight = loss.weight_of(labels)
    parts = sum(loss(SCORES[i : i + 1], labels[i : i + 1], weight, 2) for i in range(2))
    torch.testing.assert_close(parts, loss(SCORES, labels))


def test_the_parts_of_the_loss_are_summed_with_their_weights():
    log_p = SCORES.log_softmax(1)
    dice, lovasz = (loss(log_p.exp(), LABELS, 255) for loss in (dice_loss, lovasz_loss))
    pixels = F.cross_entropy(SCORES, LABELS)
    both = SegmentationLoss(dice=0.5, lovasz=0.25)
    torch.testing.assert_close(both(SCORES, LABELS), pixels + 0.5 * dice + 0.25 * lovasz)
    weight = both.weight_of(LABELS)
    torch.testing.assert_close(both(SCORES, LABELS, weight, 2), pixels + 0.25 * dice + 0.125 * lovasz)


def test_dice_of_a_class_with_one_pixel():
    """Class 0 has the only pixel, at 0.6; class 1 is absent and does not count."""
    probabilities = torch.tensor([0.6, 0.4]).view(1, 2, 1, 1)
    loss = dice_loss(probabilities, torch.zeros(1, 1, 1, dtype=torch.long), 255)
    assert loss.item() == pytest.approx(1 - 2 * 0.6 / 1.6)
