"""Drafts for each tool can be read back as masks for training."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv.data.dataset import UnlabelledPicture
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.labelling.assessment import assess
from fullconv.labelling.folder import TOOLS, names_of, write_drafts
from tests.conftest import EXAMPLES

pytest.importorskip("shapely", "2.1")
PHOTOS = [EXAMPLES / "chelsea.jpg", EXAMPLES / "astronaut.jpg"]


@pytest.fixture(scope="module")
def model():
    return fullconv.load("photos", precision="fp32")


@pytest.fixture(scope="module")
def chosen(model):
    return [assess(model, UnlabelledPicture(path)) for path in PHOTOS]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A data set with a mask, to which drafts are added."""
    root = tmp_path_factory.mktemp("own")
    for kind in ("images", "masks"):
        (root / kind).mkdir()
        Image.fromarray(np.full((40, 40), 8, np.uint8)).save(root / kind / "first.png")
    return root


def read_back(own, folder):
    yaml = own / f"{folder.name}.yaml"
    names = ", ".join(fullconv.load("photos").classes.names)
    yaml.write_text(f"path: .\nnames: [{names}]\nadded: [{json.dumps(str(folder))}]\n")
    first, *added = open_dataset(yaml).split("train")
    assert first.name == "first"
    return {sample.image_path.name: sample.read()[1] for sample in added}


def exported_by_label_studio(folder):
    """Writes what Label Studio exports if all predictions are accepted: COCO, in pixels, with ids from 0."""
    names, pictures, notes = [], [], []
    for number, task in enumerate(json.loads((folder / "tasks.json").read_text())):
        name = task["data"]["image"].rpartition("/")[2]
        with Image.open(folder / "images" / name) as photo:
            width, height = photo.size
        pictures.append({"id": number, "width": width, "height": height, "file_name": f"images/{name}"})
        for result in task["predictions"][0]["result"]:
            (label,) = result["value"]["polygonlabels"]
            names += [] if label in names else [label]
            points = [(x / 100 * width, y / 100 * height) for x, y in result["value"]["points"]]
            x, y = zip(*points, strict=True)
            area = (max(x) - min(x)) * (max(y) - min(y))
            notes.append({"id": len(notes), "image_id": number, "category_id": names.index(label), "ignore": 0,
                          "segmentation": [[one for point in points for one in point]], "iscrowd": 0, "area": area,
                          "bbox": [min(x), min(y), max(x) - min(x), max(y) - min(y)]})  # fmt: skip
    categories = [{"id": i, "name": name} for i, name in enumerate(names)]
    content = {"images": pictures, "categories": categories, "annotations": notes}
    (folder / "result.json").write_text(json.dumps(content))


@pytest.mark.parametrize("tool", TOOLS)
def test_drafts_are_read_back_almost_unchanged(model, chosen, own, tmp_path, tool):
    out = tmp_path / tool
    write_drafts(model, chosen, out, TOOLS[tool], simplify=2)
    if tool == "label-studio":
        exported_by_label_studio(out)
    masks = read_back(own, out)
    assert masks.keys() == {path.name for path in PHOTOS}
    for path in PHOTOS:
        assert (masks[path.name] == model.predict(path).label_map).mean() > 0.99
        assert (out / TOOLS[tool].folder / path.name).read_bytes() == path.read_bytes()
    assert len(np.unique(masks["chelsea.jpg"])) > 1
    assert str(out) in TOOLS[tool].next_steps(out)


def test_smoothing_saves_points(model, chosen, tmp_path):
    sizes = []
    for simplify in (0, 2):
        write_drafts(model, chosen, tmp_path / str(simplify), TOOLS["labelme"], simplify)
        files = [json.loads(path.read_text()) for path in sorted((tmp_path / str(simplify)).glob("*.json"))]
        sizes.append(sum(len(shape["points"]) for file in files for shape in file["shapes"]))
    assert 0 < sizes[1] < sizes[0] / 3


def test_existing_work_is_not_replaced(model, chosen, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.json").touch()
    with pytest.raises(FullconvError, match="already exists, and may contain somebody's work; choose another --out"):
        write_drafts(model, chosen, tmp_path / "out", TOOLS["labelme"], 2)


def test_no_folder_is_left_after_an_error(model, chosen, tmp_path):
    photo = tmp_path / "gone.jpg"
    shutil.copy(PHOTOS[0], photo)
    seen = assess(model, UnlabelledPicture(photo))
    photo.unlink()
    with pytest.raises(OSError, match="gone"):
        write_drafts(model, [seen], tmp_path / "out", TOOLS["cvat"], 2)
    assert list(tmp_path.iterdir()) == []


def test_the_hidden_folder_of_a_killed_run_is_removed(model, chosen, tmp_path):
    (tmp_path / ".out-0123abcd.part" / "images").mkdir(parents=True)
    write_drafts(model, chosen[:1], tmp_path / "out", TOOLS["labelme"], 2)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_names_are_unique(tmp_path):
    paths = ("a/x.jpg", "b/x.jpg", "b/X.png", "c/y.jpg")
    assert names_of([UnlabelledPicture(tmp_path / path) for path in paths]) == ["x.jpg", "x_2.jpg", "X_3.png", "y.jpg"]
