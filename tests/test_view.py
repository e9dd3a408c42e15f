"""How a model takes pictures."""

import numpy as np
import pytest

from fullconv.errors import FullconvError
from fullconv.view import Picture, Reading, View, reduced, rgb_of, sample_windows, usual_range

THREE = (120.25, 110.5, 99.75)


def ramp(dtype=np.uint16, bands=3):
    values = np.linspace(100, 9000, 40 * 50 * bands).reshape(40, 50, bands)
    return values.astype(dtype)


def test_a_deep_picture_names_the_range_that_repeats_it():
    seen = View(THREE).see(Picture(ramp()))
    (note,) = seen.notes
    low, high = (float(part) for part in note.split("--range ")[1].split()[0].split(","))
    again = View(THREE, ((low, high),)).see(Picture(ramp()))
    assert (again.image == seen.image).all()
    assert again.notes == ()
    assert seen.image.dtype == np.uint8


def test_a_model_with_a_range_neither_rounds_nor_clips_and_takes_8_bits_too():
    ranges = ((0.0, 100.0), (0.0, 200.0), (50.0, 305.0))
    seen = View(THREE, ranges, exact=True).see(Picture(np.full((2, 2, 3), 200, np.uint8)))
    assert seen.image.dtype == np.float32
    np.testing.assert_allclose(seen.image[0, 0], (510, 255, 150), rtol=1e-6)


def test_where_there_is_no_data_is_the_mean_colour():
    values = ramp(np.float32)
    values[3, 4, 1] = np.nan
    known = np.ones((40, 50, 1), bool)
    known[:2] = False
    for exact, blank in ((False, np.round(THREE)), (True, THREE)):
        seen = View(THREE, ((0, 9000),), exact).see(Picture(values, known=known))
        assert (seen.image[0] == np.float32(blank)).all()
        assert (seen.image[3, 4] == np.float32(blank)).all()
        assert not seen.valid[3, 4]
        assert np.isfinite(seen.image).all()


def test_commands_without_options_for_bands_and_range_name_none():
    view = View(THREE).fixed()
    assert view.see(Picture(ramp(np.uint8, 5))).notes == ("bands 1,2,3 of 5 are used",)
    assert view.see(Picture(ramp())).notes[0].endswith("are mapped to 0 to 255")
    with pytest.raises(FullconvError, match="leave this picture out"):
        view.see(Picture(ramp(), known=np.zeros((40, 50, 1), bool)))


TRAINED = View(THREE, ((100.0, 10300.0),), exact=True)
LOW, HIGH = "lowest 1/16 of the model's range 100 to 10300, or", "highest 1/16 of the model's range 100 to 10300, or"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.linspace(0, 255, 6000).astype(np.uint8), LOW), (np.linspace(0, 1, 6000, dtype=np.float32), LOW),
        (np.linspace(20000, 60000, 6000).astype(np.uint16), HIGH),
        (np.linspace(0, 10000, 6000).astype(np.uint16), ""),
        (np.r_[np.linspace(100, 400, 5950), np.full(50, 3000)].astype(np.uint16), ""),  # water with a few boats
        (np.zeros(6000, np.uint16), ""),
    ],
    ids=["8 bits", "reflectance", "high", "usual", "dark", "black"],
)  # fmt: skip
def test_values_on_another_scale_than_the_model_s_are_noted(values, told):
    picture = Picture(values.reshape(40, 50, 3))
    notes = TRAINED.see(picture).notes
    assert len(notes) == bool(told)
    assert told in "".join(notes)
    assert TRAINED.see(picture, Reading(ranges=((0.0, 255.0),))).notes == ()  # the user chose the range


def test_missing_values_do_not_count_for_the_scale():
    values, known = ramp(), np.ones((40, 50, 1), bool)
    known[:, :45], values[:, 45:], values[:, :45] = False, values[:, 45:] % 200, 5000
    assert LOW in TRAINED.see(Picture(values, known=known)).notes[0]


def test_large_values_keep_their_differences():
    values = (2**31 + np.arange(12).reshape(2, 2, 3)).astype(np.uint32)
    seen = View(THREE, ((2.0**31, 2.0**31 + 255),), exact=True).see(Picture(values))
    np.testing.assert_allclose(seen.image.ravel(), np.arange(12), atol=1e-4)


def test_omitted_bands_are_reported():
    picture = Picture(ramp(np.uint8, 5))
    seen = View(THREE).see(picture)
    assert seen.notes == ("bands 1,2,3 of 5 are used; to repeat this, give --bands 1,2,3",)
    assert (View(THREE, bands=(5, 1, 2)).see(picture).image == picture.values[..., [4, 0, 1]]).all()
    seen = View(THREE).see(Picture(ramp(np.uint8, 2)))
    assert seen.notes == ("band 1 of 2 is used, as grey; to repeat this, give --bands 1",)
    assert View(THREE, bands=(1,)).see(Picture(ramp(np.uint8, 2))).notes == ()
    assert View(THREE).see(Picture(ramp(np.uint8, 1))).notes == ()
    assert View(THREE[:1]).see(Picture(ramp(np.uint8, 2))).notes == seen.notes


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_too_few_bands_are_refused(bands):
    told = f"takes 5 bands, but the file has {bands}; give a file with the bands that the model was trained on"
    with pytest.raises(FullconvError, match=told):
        View((1.0,) * 5).see(Picture(ramp(np.uint8, bands)))
    with pytest.raises(FullconvError, match="takes 2 bands, but the file has 1"):
        View((1.0,) * 2).see(Picture(ramp(np.uint8, 1)))


def test_one_band_stands_for_all_if_it_is_asked_for():
    picture = Picture(ramp(np.uint8, 4))
    assert (View((1.0,) * 4, bands=(2,)).see(picture).image == picture.values[..., [1, 1, 1, 1]]).all()
    with pytest.raises(FullconvError, match="choose 4 of them, as in --bands 4,3,2,1"):
        View((1.0,) * 4, bands=(1, 2)).see(picture)


@pytest.mark.parametrize("ranges", [((0, 1), (0, 2)), ((0, 1),) * 4])
def test_as_many_ranges_as_channels_or_one(ranges):
    with pytest.raises(FullconvError, match="give one pair, or one per channel"):
        View(THREE, ranges)


def test_flat_values_have_a_range():
    low, high = usual_range(np.full(9, 7.0))
    assert low == 7 < high


def test_ranges_of_large_pictures_use_separate_places():
    parts = list(sample_windows((4000, 3000)))
    assert len(parts) == 32 * 32
    assert len({(rows.start, columns.start) for rows, columns in parts}) == len(parts)
    assert list(sample_windows((2048, 2048))) == [(slice(0, 2048), slice(0, 2048))]


@pytest.mark.parametrize(("dtype", "bands"), [(np.uint8, 3), (np.uint8, 5), (np.float32, 3), (np.float32, 2)])
def test_any_picture_can_be_reduced(dtype, bands):
    image = ramp(dtype, bands) if dtype == np.float32 else np.full((40, 50, bands), 77, dtype)
    small = reduced(image, 25)
    assert small.shape == (20, 25, bands)
    assert small.dtype == dtype
    assert small.mean() == pytest.approx(image.mean(), rel=1e-2)
    assert rgb_of(small).shape == (20, 25, 3)


@pytest.mark.parametrize("pair", [(0, np.inf), (-np.inf, 0), (np.nan, 9), (0, np.nan), (-1e308, 1e308)])
def test_a_range_is_finite(pair):
    with pytest.raises(FullconvError, match=r"--range .*: give two finite numbers, as in 0,3000"):
        View(THREE, (pair,))
