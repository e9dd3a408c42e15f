import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(("factor", "side"), [(2, 4), (8, 16), (32, 64), (32, 63)])
def test_the_bilinear_kernel_is_the_papers_formula(factor, side):
    """The released code's: f = (k + 1) // 2, centre f - 1 for odd k and f - 0.5 for even, 1 - |i - centre| / f."""
    f = (side + 1) // 2
    centre = f - 1 if side % 2 else f - 0.5
    ramp = 1 - np.abs(np.arange(side) - centre) / f
    np.testing.assert_allclose(bilinear_kernel(factor, side).numpy(), np.outer(ramp, ramp), rtol=1e-6)


@given(st.sampled_from([(2, 4, 0), (2, 4, 1), (8, 16, 0), (32, 63, 0)]), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_deconvolution_and_crop_by_writing_every_kernel(shape, height, width):
    """Input x adds its kernel to the outputs from stride · x - padding on; the crop takes a window of that."""
    factor, side, padding = shape
    scores = np.random.default_rng(0).standard_normal((2, height, width)).astype(np.float32)
    whole = np.zeros((2, factor * (height - 1) + side, factor * (width - 1) + side))
    kernel = bilinear_kernel(factor, side).numpy()
    for c, y, x in np.ndindex(scores.shape):
        whole[c, factor * y : factor * y + side, factor * x : factor * x + side] += scores[c, y, x] * kernel
    cut = slice(padding, -padding or None)
    layer = Upsampling(2, factor, padded=bool(padding), side=side)
    ours = layer(torch.from_numpy(scores)[None])
    np.testing.assert_allclose(ours[0].detach().numpy(), whole[:, cut, cut], atol=1e-5)
    cropped = crop_like(ours, torch.zeros(1, 1, 2, 3), 1)[0].detach().numpy()
    np.testing.assert_allclose(cropped, whole[:, cut, cut][:, 1:3, 1:4], atol=1e-5)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_interpolation_gives_what_the_deconvolution_gives(factor, padded):
    """What a GPU does: border included, where the deconvolution sees zeros."""
    layer, scores = Upsampling(5, factor, padded=padded), torch.randn(2, 5, 7, 9)
    torch.testing.assert_close(layer.interpolated(scores), layer(scores), atol=1e-5, rtol=0)


def test_kernels_that_are_not_bilinear_are_noticed_as_they_are_moved():
    layer = Upsampling(3, 2)
    assert layer.double().is_bilinear
    with torch.no_grad():
        layer.weight[1, 0, 0, 0] += 0.1
    assert not layer.float().is_bilinear
    assert not Upsampling(3, 8, side=15).is_bilinear
