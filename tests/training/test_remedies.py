"""What `fullconv check` proposes is pasted as it stands, and the data train."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fullconv.data.doctor.examination import check
from fullconv.errors import FullconvError
from fullconv.training import finishing
from fullconv.training import train as training
from tests.data.doctor.planted import Planted, found, halves, kinds, photo
from tests.data.doctor.test_boxes import OUTLINE, coco
from tests.training.test_run import TINY

COLOURS = np.array([[0, 0, 0], [200, 40, 40], [9, 90, 9]], np.uint8)


@pytest.fixture(autouse=True)
def model_only(monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *arguments: None)


@pytest.fixture
def data(tmp_path):
    return sound(tmp_path / "roofs")


def sound(root):
    """Ten pictures in images/ beside masks/, with a data.yaml in their folder."""
    planted = Planted(root)
    for i in range(10):
        planted.save(f"{i}", halves(), seed=i)
    (planted.root / "data.yaml").write_text("names: [background, roof]\nval: 0.2\n")
    return planted


def paste(root, text):
    """Lines for the data YAML take the place of those that begin with the same key."""
    path = root / "data.yaml"
    keys = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    blocks = re.split(r"^(?=\w+:)", path.read_text() if path.exists() else "", flags=re.MULTILINE)
    path.write_text("".join([*(block for block in blocks if block.split(":")[0] not in keys), f"{text}\n"]))


def trains(data, tmp_path):
    return (training.train(data.root, tmp_path / "run", **TINY, epochs=1) / "model.safetensors").is_file()


def with_white(data):
    data.save_masks(halves(0, 255))


def without_a_yaml(data):
    (data.root / "data.yaml").unlink()
    data.save_masks(halves(0, 255))


def with_colours(data):
    data.save_masks(COLOURS[halves()])


def with_masks_of_background(data):
    data.save_masks(halves(0, 0))


def with_a_strange_value(data):
    Image.fromarray(halves(0, 7)).save(data.mask("3"))


def counted_from_one(data):
    data.save_masks(halves(1, 2))


def with_palettes_of_their_own(data):
    for i, path in enumerate(data.masks()):
        mask = Image.fromarray(halves(0, 1) if i % 2 else halves(1, 0), "P")
        mask.putpalette([0, 0, 0, 200, 40, 40] if i % 2 else [200, 40, 40, 0, 0, 0])
        mask.save(path)


def without_val(data):
    (data.root / "data.yaml").write_text("names: [background, roof]\n")


def with_an_empty_class(data):
    (data.root / "data.yaml").write_text("names: [background, roof, pool]\nval: 0.2\n")


def with_names_alike(data):
    (data.root / "data.yaml").write_text("names: [background, roof, Roof]\nval: 0.2\n")
    Image.fromarray(halves(1, 2)).save(data.mask("3"))


def with_masks_called_otherwise(data):
    for path in data.masks():
        path.rename(path.with_stem(f"mask_{path.stem}"))
    data.mask("mask_4").unlink()
    data.image("4").unlink()
    photo(40).save(data.image("lonely"))


def with_near_duplicates(data):
    for i in range(10):
        split = "val" if i > 7 else "train"
        for path in (data.image(str(i)), data.mask(str(i))):
            (path.parent / split).mkdir(exist_ok=True)
            path.rename(path.parent / split / path.name)
    photo(0).save(data.image("val/9"))
    (data.root / "data.yaml").write_text("names: [background, roof]\n")


def with_white_in_some(data):
    Image.fromarray(halves(0, 255)).save(data.mask("3"))


def with_white_in_some_without_a_yaml(data):
    (data.root / "data.yaml").unlink()
    with_white_in_some(data)


def with_an_empty_class_and_a_mapping(data):
    text = "names: [background, roof, pool]\nval: 0.2\nlabel_mapping: {7: void}\n"
    (data.root / "data.yaml").write_text(text)
    Image.fromarray(halves(1, 7)).save(data.mask("3"))


def with_boxes(data):
    """COCO files in place of the masks, in which one object has only a box."""
    shutil.rmtree(data.root)
    coco(data.root, [OUTLINE] * 7 + [[]])
    (data.root / "data.yaml").write_text("val: 0.2\n")


def with_an_unused_folder(data):
    for i in range(10):
        folder = "old, unsure" if i > 7 else "val" if i > 5 else "train"
        for path in (data.image(str(i)), data.mask(str(i))):
            (path.parent / folder).mkdir(exist_ok=True)
            path.rename(path.parent / folder / path.name)
    (data.root / "data.yaml").write_text("names: [background, roof]\n")


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (without_a_yaml, "no-names"),
        (with_white, "white-is-void"),
        (with_colours, "colour-masks"),
        (with_a_strange_value, "unknown-values"),
        (counted_from_one, "ids-from-one"),
        (with_palettes_of_their_own, "palettes-differ"),
        (without_val, "one-split"),
        (with_an_empty_class, "empty-classes"),
        (with_names_alike, "names-alike"),
        (with_near_duplicates, "near-duplicates"),
        (with_white_in_some, "white-in-some"),
        (with_white_in_some_without_a_yaml, "white-in-some"),
        (with_an_empty_class_and_a_mapping, "empty-classes"),
        (with_an_unused_folder, "unused-split"),
    ],
)
def test_a_remedy_for_the_yaml_is_pasted_and_the_data_train(data, plant, kind, tmp_path):
    plant(data)
    paste(data.root, found(check(data.root), kind).remedy)
    report = check(data.root)
    assert kind not in kinds(report)
    assert not report.failed
    assert trains(data, tmp_path)


@pytest.mark.parametrize("plant", [with_white, with_masks_of_background])
def test_training_refuses_what_the_check_calls_an_error(data, plant, tmp_path):
    plant(data)
    finding = next(each for each in check(data.root).findings if each.severity == "error")
    with pytest.raises(FullconvError) as error:
        trains(data, tmp_path)
    assert str(error.value) == f"{data.root}: {finding.in_one_line(str(data.root / 'data.yaml'))}"


def test_training_says_which_classes_it_cannot_learn_or_score(data, tmp_path, said):
    (data.root / "data.yaml").write_text("names: [background, roof, pool]\nval: [images/8.png, images/9.png]\n")
    for name in "89":
        Image.fromarray(halves(0, 0)).save(data.mask(name))
    trains(data, tmp_path)
    assert "no pixel in train, so not learned: pool" in said.text
    assert "all labelled pixels of val are background: its score says nothing about other classes" in said.text


def test_training_says_that_pictures_of_val_are_also_in_train(data, tmp_path, said):
    names = "train: [images/0.png, images/1.png]\nval: [images/1.png, images/2.png]\n"
    (data.root / "data.yaml").write_text(f"names: [background, roof]\n{names}")
    trains(data, tmp_path)
    assert "1 picture of val also in train, such as 1: the score will be too high" in said.text


def test_boxes_become_regions_and_the_data_train(data, tmp_path):
    with_boxes(data)
    finding = found(check(data.root), "boxes-only")
    assert finding.severity == "warning"
    paste(data.root, finding.remedy)
    assert found(check(data.root), "boxes-only").severity == "note"
    assert trains(data, tmp_path)


def test_the_remedy_for_rare_classes_is_a_line_of_the_recipe(data, tmp_path):
    for i in range(110):
        data.save(f"{i}", halves(0, 1 if i < 1 else 0), seed=i)
    (data.root / "data.yaml").write_text(f"names: [background, roof]\nval: [{', '.join(map(str, range(100, 110)))}]\n")
    remedy = found(check(data.root), "rare-classes").remedy
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{remedy}\n")
    out = training.train(data.root, tmp_path / "run", recipe=recipe, **TINY, epochs=1)
    assert json.loads((out.parent / "recipe.json").read_text())["balance"] == 0.02


def test_a_remedy_for_the_shell_is_pasted_and_the_data_train(data, tmp_path):
    with_masks_called_otherwise(data)
    finding = found(check(data.root), "names-differ")
    subprocess.run(finding.remedy, shell=True, check=True)
    assert data.masks() == [data.mask(str(i)) for i in range(10) if i != 4]
    data.image("lonely").unlink()  # the other finding, unpaired, names it
    assert not check(data.root).failed
    assert trains(data, tmp_path)


def test_renaming_leaves_the_folder_alone_whatever_it_is_called(data):
    data.root.joinpath("masks").rename(data.root / "mask_of_all")
    for path in sorted((data.root / "mask_of_all").iterdir()):
        path.rename(path.with_stem(f"mask_{path.stem}"))
    photo(40).save(data.image("lonely"))
    paste(data.root, "masks_dir: mask_of_all")
    subprocess.run(found(check(data.root), "names-differ").remedy, shell=True, check=True)
    assert sorted(path.stem for path in (data.root / "mask_of_all").iterdir()) == [str(i) for i in range(10)]


def quoted_folder(tmp_path):
    """The sound data in a folder whose name a shell would take apart."""
    return sound(tmp_path / "Jim's roofs $(1)")


def test_names_are_quoted_for_the_shell(tmp_path):
    data = quoted_folder(tmp_path)
    with_masks_called_otherwise(data)
    subprocess.run(found(check(data.root), "names-differ").remedy, shell=True, check=True)
    data.image("lonely").unlink()
    assert not check(data.root).failed


@pytest.mark.parametrize("rename", ["{}_it's", '{}_"m"', "{}_$HOME", "{}_[m]", "a*{}", "m_`{}"])
def test_any_letters_may_tell_masks_from_pictures(data, rename):
    for path in data.masks():
        path.rename(path.with_stem(rename.format(path.stem)))
    photo(40).save(data.image("lonely"))
    subprocess.run(found(check(data.root), "names-differ").remedy, shell=True, check=True)
    assert data.masks() == [data.mask(str(i)) for i in range(10)]


def test_a_misspelt_name_is_mended_and_the_data_train(tmp_path):
    data = quoted_folder(tmp_path)
    for i in ("0", "1"):  # like each other, so that both have the same nearest name
        data.image(i).rename(data.image(f"roof_00{i}"))
    data.mask("0").rename(data.mask("roof_0O1"))
    data.mask("1").rename(data.mask("roof_0O0"))
    subprocess.run(found(check(data.root), "unpaired").remedy, shell=True, check=True)
    assert not check(data.root).failed
    assert trains(data, tmp_path)


EXIFTOOL = """#!{python}
import sys
from pathlib import Path
from PIL import Image

words = [word for word in sys.argv[1:] if word not in ("-n", "-Orientation=1", "-if", "$Orientation > 1")]
assert {{"-n", "-Orientation=1"}} <= set(sys.argv)
named = [Path(word) for word in words]
for path in (inner for one in named for inner in (sorted(one.iterdir()) if one.is_dir() else [one])):
    with Image.open(path) as picture:
        exif, picture = picture.getexif(), picture.copy()
    if exif.get(0x0112, 1) > 1 or "-if" not in sys.argv:
        exif[0x0112] = 1
        picture.save(path, exif=exif)
"""


@pytest.fixture
def exiftool(tmp_path, monkeypatch):
    """What exiftool would do with such a line."""
    tool = tmp_path / "bin" / "exiftool"
    tool.parent.mkdir()
    tool.write_text(EXIFTOOL.format(python=sys.executable))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")


def turn(path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as picture:
        picture.copy().save(path, exif=exif)


@pytest.mark.parametrize(("orientation", "kind"), [(6, "exif-unturned"), (3, "exif-unclear")])
def test_a_rotation_is_removed_from_every_photo_and_the_data_train(tmp_path, exiftool, orientation, kind):
    data = quoted_folder(tmp_path)
    for i in range(10):
        turn(data.image(str(i)), orientation)
    finding = found(check(data.root), kind)
    assert len(finding.cases) == 10
    subprocess.run(finding.remedy, shell=True, check=True)
    report = check(data.root)
    assert kind not in kinds(report)
    assert not report.failed
    assert trains(data, tmp_path)


@pytest.mark.parametrize("also_rotated", [False, True])
def test_the_line_for_many_photos_names_their_folder_unless_others_in_it_are_rotated(data, exiftool, also_rotated):
    for i in range(30):
        data.save(f"{i}", halves(), seed=i)
        turn(data.image(str(i)), 6 if i else 1)
    if also_rotated:
        data.image("0").rename(data.image("unused"))
        data.mask("0").unlink()
        (data.root / "data.yaml").write_text(
            "names: [background, roof]\ntrain: [" + ", ".join(f"images/{i}.png" for i in range(1, 30)) + "]\n"
        )
    remedy = found(check(data.root), "exif-unturned").remedy
    assert ("-if" in remedy) is not also_rotated
    subprocess.run(remedy, shell=True, check=True)
    assert "exif-unturned" not in kinds(check(data.root))


def test_the_option_that_the_report_names_trains_with_the_weights_that_it_prints(data, tmp_path, said):
    from fullconv.data.doctor.text import report_text

    mask = halves()
    mask[:, :24] = 0  # roof: a quarter
    data.save_masks(mask)
    text = report_text(check(data.root))
    option = re.search(r"--class-weights (\w+)", text)[1]
    printed = {
        line.split()[0]: line.split()[-3] for line in text.splitlines() if line.startswith(("background ", "roof "))
    }
    training.train(data.root, tmp_path / "run", **TINY, epochs=1, class_weights=option)
    assert f"class weights ({option}): roof {printed['roof']}, background {printed['background']}" in said.text
