import pytest
import torch
import torch.nn.functional as F

from fullconv.models.upsampling import Upsampling, bilinear_kernel, crop_like


@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_equals_bilinear_interpolation_inside(factor):
    """An independent implementation agrees wherever no border is involved; pixel centres do not move."""
    scores = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(factor))
    ours = Upsampling(5, factor)(scores)
    theirs = F.interpolate(scores, scale_factor=factor, mode="bilinear", align_corners=False)
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours[..., factor:-factor, factor:-factor], theirs[..., factor:-factor, factor:-factor])


def test_kernel_of_factor_2_is_the_papers():
    assert (bilinear_kernel(2)[1] * 16).tolist() == [3.0, 9.0, 9.0, 3.0]
    assert bilinear_kernel(2).sum() == pytest.approx(4)


def test_one_kernel_a_class():
    assert Upsampling(21, 8).weight.shape == (21, 1, 16, 16)
    assert not Upsampling(21, 8).weight.requires_grad
    assert Upsampling(21, 8, learned=True).weight.requires_grad


def test_an_odd_factor_is_refused():
    with pytest.raises(ValueError, match="even"):
        Upsampling(3, 3)


def test_crop_like_takes_the_window():
    scores = torch.arange(49.0).view(1, 1, 7, 7)
    assert crop_like(scores, torch.zeros(3, 2), 2).flatten().tolist() == [16, 17, 23, 24, 30, 31]
