"""Tiny trees, one for each layout, as their releases and tools lay them out."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

SIZE = (6, 8)  # height, width
PHOTO = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def rows(*values):
    """A mask of SIZE whose columns hold these values, the last repeated."""
    row = [*values, *[values[-1]] * (SIZE[1] - len(values))]
    return np.array([row] * SIZE[0])


def save(path: Path, array, palette=False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.asarray(array)
    picture = Image.fromarray(array if array.dtype == np.uint16 else array.astype(np.uint8), "P" if palette else None)
    if palette:
        picture.putpalette([7] * 768)
    picture.save(path)


def write(path: Path, text) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))


def mat(path: Path, **variables) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables, do_compression=True)


def voc(root):
    for name, value in (("a", 8), ("b", 12)):
        save(root / "JPEGImages" / f"{name}.jpg", PHOTO)
        save(root / "SegmentationClass" / f"{name}.png", rows(0, value, 255, 0), palette=True)
    write(root / "ImageSets" / "Segmentation" / "train.txt", "a\n")
    write(root / "ImageSets" / "Segmentation" / "val.txt", "b\n")


def sbd(root):
    for name in ("a", "c"):
        save(root / "dataset" / "img" / f"{name}.jpg", PHOTO)
        parts = {"Segmentation": rows(0, 8, 20).astype(np.uint8), "Boundaries": np.zeros(3)}
        mat(root / "dataset" / "cls" / f"{name}.mat", GTcls=parts)
    write(root / "dataset" / "train.txt", "a\n")
    write(root / "dataset" / "val.txt", "c\n")


def camvid(root):
    for split in ("train", "val"):
        save(root / split / "0016E5_1.png", PHOTO)
        save(root / f"{split}annot" / "0016E5_1.png", rows(0, 10, 11))
        write(root / f"{split}.txt", "0016E5_1\n")


def cityscapes(root, kind="labelIds", values=(7, 33, 1, 0)):
    for split in ("train", "val"):
        stem = "aachen/aachen_000000_000019"
        save(root / "leftImg8bit" / split / f"{stem}_leftImg8bit.png", PHOTO)
        save(root / "gtFine" / split / f"{stem}_gtFine_{kind}.png", rows(*values))
        save(root / "gtFine" / split / f"{stem}_gtFine_instanceIds.png", rows(24000).astype(np.uint16))


def ade20k(root):
    for folder, name in (("training", "ADE_train_1"), ("validation", "ADE_val_1")):
        save(root / "images" / folder / f"{name}.jpg", PHOTO)
        save(root / "annotations" / folder / f"{name}.png", rows(0, 1, 3))
    table = "Idx\tRatio\tTrain\tVal\tName\n1\t0.1\t9\t1\twall\n2\t0.1\t9\t1\tbuilding, edifice\n3\t0.1\t9\t1\tsky\n"
    write(root / "objectInfo150.txt", table)


def pets(root):
    for name in ("Bengal_1", "beagle_2"):
        save(root / "images" / f"{name}.jpg", PHOTO)
        save(root / "annotations" / "trimaps" / f"{name}.png", rows(2, 1, 3))
    write(root / "annotations" / "list.txt", "#Image CLASS-ID SPECIES BREED ID\nBengal_1 6 1 3\nbeagle_2 5 2 4\n")
    write(root / "annotations" / "trainval.txt", "Bengal_1 6 1 3\n")
    write(root / "annotations" / "test.txt", "beagle_2 5 2 4\n")


def coco(root):
    """A square of cat with a dog within it as uncompressed runs, a crowd at the right, categories 17 and 90."""
    square = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]
    dog = np.zeros(SIZE, bool)
    dog[2:4, 2:4] = True
    crowd = np.zeros(SIZE, bool)
    crowd[:, 7] = True
    notes = [
        {"image_id": 5, "category_id": 90, "area": 4, "segmentation": {"size": SIZE, "counts": runs(dog)}},
        {"image_id": 5, "category_id": 17, "area": 16, "segmentation": [square]},
        {"image_id": 5, "category_id": 17, "area": 6, "iscrowd": 1,
         "segmentation": {"size": SIZE, "counts": runs(crowd)}},
    ]  # fmt: skip
    categories = [{"id": 90, "name": "dog"}, {"id": 17, "name": "cat"}]
    for split in ("train", "val"):
        save(root / f"{split}2017" / "000005.jpg", PHOTO)
        images = [{"id": 5, "file_name": "000005.jpg", "height": SIZE[0], "width": SIZE[1]}]
        content = {"images": images, "annotations": notes, "categories": categories}
        write(root / "annotations" / f"instances_{split}2017.json", content)


def coco_panoptic(root):
    ids = rows(0, 70000, 300)
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], 2)
    segments = [{"id": 70000, "category_id": 1}, {"id": 300, "category_id": 184}]
    for split in ("train", "val"):
        save(root / f"{split}2017" / "000005.jpg", PHOTO)
        save(root / "annotations" / f"panoptic_{split}2017" / "000005.png", colours)
        content = {
            "images": [{"id": 5, "file_name": "000005.jpg", "height": SIZE[0], "width": SIZE[1]}],
            "annotations": [{"image_id": 5, "file_name": "000005.png", "segments_info": segments}],
            "categories": [{"id": 1, "name": "person"}, {"id": 184, "name": "tree-merged"}],
        }
        write(root / "annotations" / f"panoptic_{split}2017.json", content)


def runs(mask):
    """COCO's uncompressed run lengths of a mask, column by column."""
    column_wise = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(np.diff(column_wise)).tolist()
    ends = [0, *edges]
    return np.diff(ends if ends[-1] == mask.size else [*ends, mask.size]).tolist()


def labelme(root):
    stamp = io.BytesIO()
    Image.fromarray(np.ones((2, 2), np.uint8)).save(stamp, "PNG")
    box = {"label": "cat", "shape_type": "rectangle", "points": [[3, 2], [1, 0]]}
    void = {"label": "__ignore__", "shape_type": "polygon", "points": [[6, 0], [7, 0], [7, 5], [6, 5]]}
    dab = {"label": "dog", "shape_type": "mask", "points": [[1, 0], [2, 1]],
           "mask": base64.b64encode(stamp.getvalue()).decode()}  # fmt: skip
    for name in ("a", "b"):
        save(root / f"{name}.jpg", PHOTO)
        content = {"shapes": [box, void, dab], "imagePath": f"{name}.jpg", "imageData": None}
        write(root / f"{name}.json", {**content, "imageHeight": SIZE[0], "imageWidth": SIZE[1]})
    write(root / "labels.txt", "__ignore__\n_background_\ncat\ndog\n")


# A dog in columns 1 and 2, a cat in 4 and 5, and a dog of which there is only a box in column 7.
YOLO = "1 .125 0 .375 0 .375 1 .125 1\n0 0.5 0 0.75 0 0.75 1 0.5 1\n1 0.9375 0.5 0.125 1\n"


def yolo(root):
    for split in ("train", "val"):
        save(root / "images" / split / "a.jpg", PHOTO)
        write(root / "labels" / split / "a.txt", YOLO)
    write(root / "data.yaml", "path: .\ntrain: images/train\nval: images/val\nnc: 2\nnames: {0: cat, 1: dog}\n")


def yolo_of_label_studio(root):
    save(root / "images" / "a.jpg", PHOTO)
    write(root / "labels" / "a.txt", YOLO)
    write(root / "classes.txt", "cat\ndog\n")


def nnunet(root):
    for case in ("case_001", "case_002"):
        for channel in range(2):
            save(root / "imagesTr" / f"{case}_{channel:04}.png", PHOTO[..., channel])
        save(root / "labelsTr" / f"{case}.png", rows(0, 1, 2))
    labels = {"background": 0, "cell": 1, "ignore": 2}
    write(root / "dataset.json", {"channel_names": {"0": "a", "1": "b"}, "labels": labels, "file_ending": ".png"})


def nyud(root):
    for number in ("5001", "5002"):
        save(root / "data" / "images" / f"img_{number}.png", PHOTO)
        save(root / "data" / "hha" / f"img_{number}.png", PHOTO[:, ::-1])
        save(root / "data" / "depth" / f"img_{number}.png", np.full(SIZE, 2550, np.uint16))
        mat(root / "segmentation" / f"img_{number}.mat", segmentation=rows(0, 1, 40).astype(np.uint16))
    write(root / "train.txt", "5001\n")
    write(root / "test.txt", "5002\n")


def siftflow(root):
    scenes = "spatial_envelope_256x256_static_8outdoorcategories"
    for name in ("coast_bea1", "street_par9"):
        save(root / "Images" / scenes / f"{name}.jpg", PHOTO)
        mat(root / "SemanticLabels" / scenes / f"{name}.mat", S=rows(0, 1, 33).astype(np.uint8))
        mat(root / "GeoLabels" / scenes / f"{name}.mat", S=rows(-1, 1, 3).astype(np.int16))
    write(root / "trainval.txt", "coast_bea1\n")
    write(root / "test.txt", "street_par9\n")


def pascal_context(root):
    """Three of the 59 labels; two of them are spelt otherwise in the list of all, and number 2 is none of them."""
    write(root / "labels.txt", "1: accordion\n2: zebra\n3: table\n431: bedclothes\n459: wood\n")
    write(root / "59_labels.txt", "1: diningtable\n2: bedcloth\n3: wood\n")
    for name in ("2008_000002", "2008_000003"):
        save(root / "VOC2010" / "JPEGImages" / f"{name}.jpg", PHOTO)
        mat(root / "trainval" / f"{name}.mat", LabelMap=rows(2, 3, 431, 459).astype(np.uint16))
    for split, name in (("train", "2008_000002"), ("val", "2008_000003")):
        write(root / "VOC2010" / "ImageSets" / "Main" / f"{split}.txt", f"{name}\n")


def roboflow(root):
    for split in ("train", "valid"):
        save(root / split / "a.jpg", PHOTO)
        save(root / split / "a_mask.png", rows(0, 1, 255))
        write(root / split / "_classes.csv", "Pixel Value, Class\n0, background\n1, roof\n")


def pairs(root):
    for split in ("train", "val"):
        save(root / "images" / split / "sub" / "x.jpg", PHOTO)
        save(root / "masks" / split / "sub" / "x.png", rows(0, 1, 255))
