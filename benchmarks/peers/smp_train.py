"""A plain loop with segmentation_models.pytorch: Unet over ResNet-18, its Dice loss, Adam, crops and mirror images.

Weights start at random, because no ImageNet weights of resnet18 are at hand. Every fifth picture is held back; the
state that is best on these is kept. Masks of the pictures in UNSEEN are written to OUT, in the values of the bare
folder's own masks. usage: smp_train.py BARE UNSEEN OUT --seconds 600
"""

import argparse
import random
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch.nn.functional import pad
from torchvision.transforms.functional import normalize, to_tensor

SIDE, BATCH, RATE, LOOKS, VOID = 256, 4, 1e-3, 20, 255


def image_of(path):
    return normalize(to_tensor(Image.open(path).convert("RGB")), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def pictures_of(folder, values):
    """[(image (3, H, W), labels (H, W))]"""
    table = np.full(256, VOID)
    table[values] = range(len(values))
    masks = sorted((folder / "masks").iterdir())
    images = sorted((folder / "images").iterdir())
    return [
        (image_of(image), torch.from_numpy(table[np.asarray(Image.open(mask))]))
        for image, mask in zip(images, masks, strict=True)
    ]


def values_of(folder):
    found = set()
    for mask in (folder / "masks").iterdir():
        found |= set(np.unique(np.asarray(Image.open(mask))).tolist())
    return sorted(found) if found == {0, VOID} else sorted(found - {VOID})


def crop(image, labels):
    _, height, width = image.shape
    right, below = max(0, SIDE - width), max(0, SIDE - height)
    image, labels = pad(image, (0, right, 0, below)), pad(labels, (0, right, 0, below), value=VOID)
    top, left = random.randint(0, height + below - SIDE), random.randint(0, width + right - SIDE)
    image, labels = (x[..., top : top + SIDE, left : left + SIDE] for x in (image, labels))
    return (image.flip(-1), labels.flip(-1)) if random.random() < 0.5 else (image, labels)


@torch.inference_mode()
def labelled(net, image):
    net.eval()
    _, height, width = image.shape
    batch = pad(image[None], (0, -width % 32, 0, -height % 32))
    return net(batch)[0, :, :height, :width].argmax(0)


def mean_iou(net, pictures, classes):
    counts = np.zeros((classes, classes))
    for image, labels in pictures:
        known = labels != VOID
        np.add.at(counts, (labels[known].numpy(), labelled(net, image)[known].numpy()), 1)
    hits = np.diag(counts)
    return np.nanmean(hits / np.maximum(counts.sum(0) + counts.sum(1) - hits, 1))


def train(pictures, classes, until):
    """(the best network, steps)"""
    random.seed(0)
    torch.manual_seed(0)
    net = smp.Unet("resnet18", encoder_weights=None, classes=classes)
    loss = smp.losses.DiceLoss(mode="multiclass", ignore_index=VOID)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    held, shown = pictures[::5], [one for i, one in enumerate(pictures) if i % 5]
    best, kept, steps = -1.0, deepcopy(net), 0
    pause = (until - time.monotonic()) / LOOKS
    due = time.monotonic() + pause
    while time.monotonic() < until:
        images, labels = map(torch.stack, zip(*(crop(*random.choice(shown)) for _ in range(BATCH)), strict=True))
        net.train()
        optimiser.zero_grad()
        loss(net(images), labels).backward()
        optimiser.step()
        steps += 1
        if time.monotonic() > due:
            due = time.monotonic() + pause
            if (score := mean_iou(net, held, classes)) > best:
                best, kept = score, deepcopy(net)
    return kept, steps


def main():
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bare", "unseen", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    values = values_of(given.bare)
    net, steps = train(pictures_of(given.bare, values), len(values), began + given.seconds)
    given.out.mkdir(parents=True, exist_ok=True)
    for path in sorted((given.unseen / "images" / "val").iterdir()):
        labels = np.array(values, np.uint8)[labelled(net, image_of(path)).numpy()]
        Image.fromarray(labels).save(given.out / f"{path.stem}.png")
    print(steps)


if __name__ == "__main__":
    main()
