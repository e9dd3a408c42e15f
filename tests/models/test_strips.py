"""The best class band by band: what enlarging all scores, cropping and taking the best class gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.models import strips as bands
from fullconv.models.upsampling import Upsampling, crop_like


@st.composite
def enlargements(draw):
    """(scores, an upsampling, the picture's size, where it begins in what is enlarged)."""
    factor = draw(st.sampled_from([2, 4, 8, 16, 32]))
    padded = draw(st.booleans())
    side = 2 * factor if padded else draw(st.sampled_from([2 * factor, 2 * factor - 1]))
    number, classes, high, wide = (draw(st.integers(1, most)) for most in (2, 6, 7, 7))
    upscore = Upsampling(classes, factor, padded=padded, side=side)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    if draw(st.booleans()):  # learned
        upscore.weight.data += torch.randn(upscore.weight.shape, generator=generator) / 10
    scores = torch.randn(number, classes, high, wide, generator=generator)
    scores = scores.round() if draw(st.booleans()) else scores  # of equal ones the first
    whole = upscore(scores).shape[-2:]
    offset = draw(st.integers(0, 0 if padded else min(factor, *(length - 1 for length in whole))))
    size = [draw(st.integers(1, length - offset)) for length in whole]
    return scores, upscore, size, offset


@given(enlargements(), st.integers(1, 3000))
@settings(max_examples=200, deadline=None)
def test_labels_are_those_of_the_scores_enlarged_as_a_whole(case, values):
    scores, upscore, size, offset = case
    picture = torch.empty(1, 3, *size)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(bands, "VALUES", values)
        found = bands.best_classes(scores, upscore, picture, offset)
        expected = crop_like(upscore(scores), picture, offset).argmax(1)
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), expected)


def test_enlarged_scores_are_never_held_as_a_whole():
    """A picture of 16 megapixels and 21 classes, whose scores would take 1.4 GB: rows of them are a few at a time."""
    scores, upscore = torch.randn(1, 21, 512, 512), Upsampling(21, 8)
    held = []
    real = bands.best
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(bands, "best", lambda band: held.append(band.numel()) or real(band))
        bands.best_classes(scores, upscore, torch.empty(1, 1, 4096, 4096))
    assert max(held) <= bands.VALUES
    assert sum(held) == 21 * 4096**2
