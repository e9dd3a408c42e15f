import numpy as np
import pytest
from PIL import Image

from fullconv.data.dataset import UnlabelledPicture
from fullconv.data.description import open_dataset
from fullconv.data.overlap import check_unlabelled
from fullconv.errors import FullconvError


def photo(seed, size=(120, 90)):
    """A smooth picture of its own."""
    grid = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def root(tmp_path):
    for folder, seeds in {"images/train": (0, 1), "images/val": (2, 3), "cats/deep": (4, 5), "street": (6,)}.items():
        (tmp_path / folder).mkdir(parents=True)
        for seed in seeds:
            photo(seed).save(tmp_path / folder / f"{seed}.png")
            if folder.startswith("images"):
                mask = tmp_path / folder.replace("images", "masks") / f"{seed}.png"
                mask.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (120, 90), 1).save(mask)
    return tmp_path


def opened(root, lines):
    yaml = root / "data.yaml"
    yaml.write_text(f"path: .\nnames: [background, cat]\n{lines}\n")
    return open_dataset(yaml)


def names(pictures):
    return [picture.image_path.name for picture in pictures]


def test_unlabelled_folders_are_read_recursively(root):
    assert names(opened(root, "unlabelled: cats").unlabelled) == ["4.png", "5.png"]
    assert names(opened(root, "unlabelled: [street, cats]").unlabelled) == ["6.png", "4.png", "5.png"]
    assert opened(root, "").unlabelled == ()


def test_pictures_inherit_what_is_known_of_their_folder(root):
    lines = "unlabelled:\n  - {path: cats, shows: cat, among: [cat, dog]}\n  - street"
    first, _, last = opened(root, lines).unlabelled
    assert (first.shows, first.among) == (("cat",), ("cat", "dog"))
    assert (last.shows, last.among) == ((), ())


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("unlabelled: nowhere", "nowhere: no such folder"),
        ("unlabelled: masks", None),
        ("unlabelled: [{shows: cat}]", "an entry has no path"),
        ("unlabelled: [{path: cats, show: cat}]", "unknown key 'show'; did you mean shows"),
        ("unlabelled: [{path: cats, shows: cat}]", "among must list the classes of shows"),
        ("unlabelled: [{path: cats, shows: [[cat]]}]", "shows must be a list of names"),
    ],
)
def test_wrong_entries_give_a_one_line_error(root, lines, message):
    if message is None:
        assert len(opened(root, lines).unlabelled) == 4
        return
    with pytest.raises(FullconvError, match=message):
        opened(root, lines)


def test_an_empty_folder_is_an_error(root):
    (root / "empty").mkdir()
    with pytest.raises(FullconvError, match="contains no pictures"):
        opened(root, "unlabelled: empty")


@pytest.mark.parametrize("change", ["same", "mirrored", "smaller", "jpeg"])
def test_a_copy_of_a_picture_that_is_scored_is_refused(root, change):
    copy = photo(2)
    if change == "mirrored":
        copy = copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if change == "smaller":
        copy = copy.resize((80, 60))
    path = root / "street" / ("copy.jpg" if change == "jpeg" else "copy.png")
    copy.save(path)
    dataset = opened(root, "unlabelled: [cats, street]")
    with pytest.raises(FullconvError, match=rf"{path.name} shows the same as .*2\.png, which the model is scored on"):
        check_unlabelled(dataset.unlabelled, dataset.split("val"))


def test_copies_of_training_pictures_are_allowed(root):
    photo(0).save(root / "street" / "of-train.png")
    photo(6).save(root / "street" / "again.png")
    dataset = opened(root, "unlabelled: street")
    good, skipped = check_unlabelled(dataset.unlabelled, dataset.split("val"))
    assert names(good) == ["6.png", "again.png", "of-train.png"]
    assert skipped == {}


def test_unreadable_pictures_are_named(root):
    (root / "street" / "broken.png").write_bytes(b"nothing")
    dataset = opened(root, "unlabelled: street")
    good, skipped = check_unlabelled(dataset.unlabelled, dataset.split("val"))
    assert names(good) == ["6.png"]
    assert [path.name for path in skipped] == ["broken.png"]


def test_labels_of_unlabelled_pictures_are_void(root):
    pytest.importorskip("torch")
    from tests.training_pictures import CONFIG

    seen, label_map = UnlabelledPicture(root / "street" / "6.png").see(CONFIG.view)
    assert seen.image.shape == (90, 120, 3)
    assert np.unique(label_map).tolist() == [255]
