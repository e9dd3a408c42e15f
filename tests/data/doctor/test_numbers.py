"""What the doctor counts is what the pixels say, and what looks alike is found without comparing all with all."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.dataset import Sample
from fullconv.data.description import open_dataset
from fullconv.data.doctor.examples import choose, viewable
from fullconv.data.doctor.facts import image_facts, thumbnail_of
from fullconv.data.doctor.scan import Facts, read_facts, scan, unread
from fullconv.data.doctor.splits import DISTANCE, close_pairs, difference_hashes, twins, unpack, without_unions
from fullconv.data.doctor.statistics import channels, judge_balance, shares
from fullconv.data.doctor.text import report_text
from fullconv.data.masks import value_lookup
from fullconv.data.pairing import pair
from fullconv.view import Picture, View
from tests.conftest import EXAMPLES
from tests.data.doctor.planted import NAMES, halves, photo, sound


@pytest.fixture
def data(tmp_path):
    return sound(tmp_path)


def test_class_counts_and_weights(data):
    mask = halves(0, 0)
    mask[0, :4] = 1
    mask[1, :8] = 255
    data.mask("train/a").unlink()
    data.save("train/a", mask, seed=0)
    share = data.examine().shares["train"]
    size = mask.size
    assert share.pixels.tolist() == [size - 12 + 3 * size // 2, 4 + 3 * size // 2]
    assert (share.total, share.void, share.pictures.tolist()) == (4, 8, [4, 4])
    frequency = share.pixels / (4 * size - 8)
    np.testing.assert_allclose(share.weights(), np.median(frequency) / frequency)


def test_a_class_without_pixels_has_no_weight(data):
    assert data.examine("names: [background, roof, pool]\n").shares["train"].weights()[2] is None


def test_channel_statistics_cover_all_pixels(data):
    photo(1, (7, 11)).save(data.image("train/a"))
    pixels = np.concatenate([np.asarray(Image.open(data.image(name))).reshape(-1, 3) for name in NAMES])
    measured = data.examine().channels
    np.testing.assert_allclose(measured.mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(measured.deviation, pixels.std(0), rtol=1e-12)


@pytest.mark.parametrize(("dtype", "bands"), [(np.uint16, 3), (np.float32, 3), (np.uint8, 5)])
def test_channels_of_other_kinds_of_image(tmp_path, dtype, bands):
    image = (np.random.default_rng(0).random((8, 9, bands)) * 200).astype(dtype)
    Image.fromarray(halves(size=(8, 9))).save(tmp_path / "mask.png")
    lookup = value_lookup({0: 0, 1: 1})
    sample = Sample("a", tmp_path / "none.npy", tmp_path / "mask.png", lookup, lambda path: Picture(image))
    facts = read_facts(Facts(sample, ("train",)))
    assert facts.image_error == ""
    np.testing.assert_allclose(channels([facts]).mean, image.reshape(-1, bands).mean(0), rtol=1e-5)
    assert viewable(image).shape == (8, 9, 3)


@pytest.mark.parametrize(("dtype", "bands"), [(np.float32, 3), (np.uint16, 1), (np.uint8, 3)])
def test_pixels_without_data_count_as_void_and_in_no_mean(tmp_path, dtype, bands):
    image = (np.random.default_rng(0).random((8, 10, bands)) * 200 + 20).astype(dtype)
    known = np.ones((8, 10, 1), bool)
    known[:, :5], image[:, :5] = False, 0
    mask = np.zeros((8, 10), np.uint8)
    mask[:, 4:] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    picture, lookup = Picture(image, known=known), value_lookup({0: 0, 1: 1})
    sample = Sample("a", tmp_path / "none.npy", tmp_path / "mask.png", lookup, lambda path: picture)
    facts = read_facts(Facts(sample, ("train",)))
    classes = Classes.named(["a", "b"])
    share = shares([facts], classes)["train"]
    _, seen = sample.see(View((0.0,) * bands))
    assert (share.pixels.tolist(), share.void) == ([0, 40], 40)
    assert np.bincount(seen.ravel(), minlength=256)[[0, 1, 255]].tolist() == [0, 40, 40]
    np.testing.assert_allclose(channels([facts]).mean, image[:, 5:].reshape(-1, bands).mean(0), rtol=1e-5)
    np.testing.assert_allclose(channels([facts]).deviation, image[:, 5:].reshape(-1, bands).std(0), rtol=1e-4)


def test_values_without_data_do_not_make_pictures_look_alike():
    rng = np.random.default_rng(0)
    known = np.ones((36, 32, 1), bool)
    known[:, :8] = False
    values = [np.where(known, rng.random((36, 32, 1)), np.float32(-9999)) for _ in range(2)]
    thumbnails = unpack([thumbnail_of(Picture(each, known=known)) for each in values])
    assert np.ptp(thumbnails[0][:, 6:]) > 20
    assert not any(len(a) for a, _ in close_pairs(difference_hashes(thumbnails)))


@pytest.mark.filterwarnings("error")
def test_the_largest_number_of_float32_as_nodata_overflows_nowhere():
    values = np.random.default_rng(0).random((36, 32, 3)).astype(np.float32)
    values[:, :8] = -np.finfo(np.float32).max
    assert len(thumbnail_of(Picture(values))) == 288
    assert np.ptp(unpack([thumbnail_of(Picture(values, known=values > -1))])) > 20


def test_a_picture_without_any_data_is_void(data):
    facts = read_facts(unread(open_dataset(data.yaml()).splits)[0])
    hidden = replace(facts, mask=replace(facts.mask, hidden=facts.mask.pixels))
    kinds = [finding.kind for finding in judge_balance([hidden, facts], {}, Classes.named(["a", "b"]), None, None)]
    assert kinds == ["all-void"]


def test_close_pairs_are_exactly_those_within_the_distance():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 200, dtype=np.uint64)
    for bits in range(DISTANCE + 3):
        flipped = hashes[bits]
        for bit in rng.choice(64, bits, replace=False):
            flipped ^= np.uint64(1) << np.uint64(bit)
        hashes = np.append(hashes, flipped)
    found = {frozenset(pair) for a, b in close_pairs(hashes) for pair in zip(a.tolist(), b.tolist(), strict=True)}
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = {frozenset(pair) for pair in np.argwhere(np.triu(distances <= DISTANCE, 1)).tolist()}
    assert found == expected
    assert len(expected) >= DISTANCE + 1


def test_twins_need_contrast_and_another_split():
    pictures = [
        photo(0),
        photo(1),
        photo(0),
        photo(0),
        Image.new("RGB", (32, 24), "grey"),
        Image.new("RGB", (32, 24), "grey"),
    ]
    thumbnails = unpack([picture.resize((18, 16)).convert("L").tobytes() for picture in pictures])
    assert difference_hashes(thumbnails).shape == (6,)
    assert twins(thumbnails, np.array([0, 0, 0, 1, 0, 1])).tolist()[:3] == [-1, -1, -1]
    found = twins(thumbnails, np.array([0, 0, 0, 1, 0, 1]))
    assert found[3] in (0, 2)
    assert found[5] == -1


@pytest.mark.parametrize(("scale", "quality"), [(1, 40), (0.67, 60), (0.5, 90)])
def test_resized_and_recompressed_pictures_are_still_alike(tmp_path, scale, quality):
    again = [EXAMPLES / "chelsea.jpg"]
    with Image.open(again[0]) as picture:
        smaller = picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale)))
    smaller.save(tmp_path / "again.jpg", quality=quality)
    again.append(tmp_path / "again.jpg")
    facts = [image_facts(Sample("a", path, path, value_lookup({}))) for path in again]
    assert twins(unpack([each.thumbnail for each in facts]), np.array([0, 1])).tolist() == [-1, 0]


def test_splits_that_are_unions_are_left_out():
    members = {"train": {1, 2}, "val": {3}, "trainval": {1, 2, 3}, "seg": {3, 4}}
    assert list(without_unions(members)) == ["train", "val", "seg"]
    assert list(without_unions({"train": {1}, "val": {1}})) == ["train", "val"]


def test_a_picture_in_many_lists_is_read_once(data):
    splits = open_dataset(data.yaml()).splits
    pictures = unread({**splits, "all": splits["train"] + splits["val"]})
    assert [len(pictures), pictures[0].splits] == [6, ("train", "all")]
    assert [facts.sample.name for facts in scan(pictures)] == [facts.sample.name for facts in pictures]


@pytest.mark.parametrize(
    ("pictures", "masks", "rule", "pairs"),
    [
        (["a1", "a2", "b1"], ["a1_gt", "a2_gt", "b1_gt"], ("", "_gt"), 3),
        (["im_1", "im_2"], ["gt_1", "gt_2"], ("im", "gt"), 2),
        (["x/im_1", "y/im_2"], ["x/gt_1", "y/gt_2"], ("im", "gt"), 2),
        (["011", "012", "013"], ["021", "022", "023"], None, 0),  # numbers are never an ending
        (["a", "b"], ["c", "d"], None, 0),
        ([], ["c"], None, 0),
    ],
)
def test_the_rule_between_names(tmp_path, pictures, masks, rule, pairs):
    found = pair({name: tmp_path / name for name in pictures}, {name: tmp_path / name for name in masks})
    assert (found.rule, len(found.pairs)) == (rule, pairs)
    assert len(found.images_alone) == len(pictures) - pairs


def test_an_error_in_one_file_does_not_affect_the_others(tmp_path):
    def fail(path):
        raise IndexError("list index\nout of range")

    sample = Sample("a", tmp_path / "a.tif", tmp_path / "a.mat", value_lookup({0: 0}), fail, fail)
    facts = read_facts(Facts(sample, ("train",)))
    said = "cannot be read as a {} (list index out of range); export it again"
    assert facts.image_error == f"{tmp_path / 'a.tif'}: {said.format('picture')}"
    assert facts.mask_error == f"{tmp_path / 'a.mat'}: {said.format('mask')}"


def test_the_report_is_text_and_json(data):
    data.image("train/b").write_bytes(b"")
    report = data.examine("names: [background, roof, 'yes', \"a, b\"]\n")
    text = report_text(report)
    assert text.index("error ") < text.index("warning ")
    assert "images/train/b.png" in text
    assert 'label_mapping: {"yes": void, "a, b": void}' in text
    assert text.splitlines()[-1] == "1 error, 1 warning"
    again = json.loads(json.dumps(report.to_json()))
    assert again["findings"][0]["count"] == len(again["findings"][0]["cases"]) == 1
    assert again["splits"]["val"]["classes"]["roof"]["pictures"] == 2


def test_the_weights_are_explained_if_there_are_any(data):
    text = " ".join(report_text(data.examine()).split())
    assert "weight: how much a pixel of the class counts with train --class-weights balanced" in text
    assert "add it if the trained model misses a rare class" in text
    for name in NAMES:
        data.mask(name).write_bytes(b"no mask")
    assert "--class-weights" not in report_text(data.examine())


def test_the_report_shows_the_shares_of_pixels_of_train_and_val(data):
    rare = halves(0, 0)
    rare[:, :8] = 1  # a quarter
    for name in ("val/e", "val/f"):
        Image.fromarray(rare).save(data.mask(name))
    lines = report_text(data.examine()).splitlines()
    head = next(line for line in lines if line.startswith("class "))
    assert head.split() == ["class", "%", "of", "train", "%", "of", "val", "weight", "in", "train", "in", "val"]
    assert next(line for line in lines if line.startswith("roof ")).split() == [
        "roof",
        "50.00%",
        "25.00%",
        "1",
        "4",
        "2",
    ]


def test_examples_show_the_findings_first(data):
    Image.fromarray(halves(255, 255)).save(data.mask("val/f"))
    chosen = choose(data.examine(), 4)
    assert (chosen[0][0].name, chosen[0][1]) == ("f", "all-void")
    assert len(chosen) == len({sample.image_path for sample, _ in chosen}) == 4
