import torch

from fullconv.training.distillation import Divergence
from fullconv.training.losses import SegmentationLoss
from fullconv.training.objective import MicroBatch, Objective


def part(seed, taught=True):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (2, 32, 32), generator=generator)
    view = torch.randn(2, 3, 8, 8, generator=generator).softmax(1)
    return MicroBatch(torch.zeros(2, 3, 32, 32), labels, view if taught else None)


def test_parts_of_a_batch_add_up_to_the_batch():
    """Dice aside, which each part has of its own."""
    objective = Objective(SegmentationLoss(), Divergence(weight=0.7))
    parts = [part(0), part(1)]
    scores = [torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(i + 5)) for i in range(2)]
    whole = MicroBatch(*(torch.cat(values) for values in zip(*parts, strict=True)))
    weights = objective.weigh(parts)
    pieces = sum(objective(s, p, weights, 2) for s, p in zip(scores, parts, strict=True))
    torch.testing.assert_close(pieces, objective(torch.cat(scores), whole, objective.weigh([whole]), 1))


def test_unlabelled_pictures_teach_only_through_the_teacher():
    unlabelled = part(0)._replace(labels=torch.full((2, 32, 32), 255))
    scores = torch.randn(2, 3, 32, 32)
    divergence = Divergence()
    objective = Objective(SegmentationLoss(dice=0.5), divergence)
    weights = objective.weigh([unlabelled])
    assert weights.labels == 0
    expected = divergence(scores, unlabelled.taught, unlabelled.labels, weights.cells)
    torch.testing.assert_close(objective(scores, unlabelled, weights, 1), expected)


def test_coarse_scores_meet_the_label_in_the_middle_of_their_cell():
    labels = torch.arange(64).view(1, 8, 8)
    objective = Objective(SegmentationLoss(), stride=4)
    middle = objective.labels_of(MicroBatch(torch.zeros(1, 3, 8, 8), labels))
    assert middle.tolist() == [[[18, 22], [50, 54]]]


def test_scores_of_the_padding_are_left_out():
    """A picture 20 wide and padded to 32 has 8 scores at stride 4, of which 5 have a label."""
    labels = torch.randint(0, 3, (1, 12, 20))
    scores = torch.randn(1, 3, 8, 8)
    objective = Objective(SegmentationLoss(), stride=4)
    given = MicroBatch(torch.zeros(1, 3, 12, 20), labels)
    value = objective(scores, given, objective.weigh([given]), 1)
    expected = torch.nn.functional.cross_entropy(scores[..., :3, :5], labels[:, 2::4, 2::4])
    torch.testing.assert_close(value, expected)
