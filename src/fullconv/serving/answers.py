"""Turns a result into the body of an answer. Nothing is written to disk."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from fullconv.outputs import coco, geojson
from fullconv.outputs.class_names import file_names
from fullconv.outputs.confidence import picture as grey_picture
from fullconv.outputs.cutout import cut_out
from fullconv.outputs.png import LARGEST_JPEG, RUN_LENGTHS, mask_picture
from fullconv.outputs.writers import needs_scores
from fullconv.segmentation import Segmentation
from fullconv.serving import drafts
from fullconv.serving.messages import Answer
from fullconv.view import REPEAT

JSON, PNG, JPEG, ZIP = "application/json", "image/png", "image/jpeg", "application/zip"
STEM = "picture"  # files in an archive begin with this, because the server does not know the photo's name


def is_soft(save: str) -> bool:
    """Whether the output `save` is computed from the scores."""
    return save in ("json", drafts.BRUSH, drafts.OUTLINES) or needs_scores([save])


def without_options(note: str) -> str:
    """Returns a note without the options of the command line that it names: requests have none of them."""
    return note.partition(REPEAT)[0]


def answer(result: Segmentation, save: str, facts: dict[str, Any]) -> Answer:
    """Returns the output `save` of a result.

    `facts`, such as the model's name, go into the answer's facts, together with the size, the classes and the notes.
    """
    height, width = result.label_map.shape
    notes = list(map(without_options, result.notes))
    facts = {**facts, "width": width, "height": height, "classes": result.shares, "notes": notes}
    if save == "json":
        facts["confidence"] = {name: round(sure, 4) for name, sure in result.sureness.items()}
        return Answer(JSON, json.dumps(facts).encode(), facts)
    media_type, encode = ENCODERS[save]
    if save == "overlay" and max(width, height) > LARGEST_JPEG:
        media_type = PNG
    return Answer(media_type, encode(result), facts)


def png(picture: Image.Image) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", compress_level=3, compress_type=RUN_LENGTHS)
    return encoded.getvalue()


def labels(result: Segmentation) -> bytes:
    return png(result.label_picture())


def overlay(result: Segmentation) -> bytes:
    picture = result.overlay_picture(legend=True)
    if max(picture.size) > LARGEST_JPEG:
        return png(picture)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


def masks(result: Segmentation) -> bytes:
    """Returns a ZIP archive with a PNG for each class found: 255 where the class is, else 0."""
    named = dict(zip(result.classes.names, file_names(result.classes.names), strict=True))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:  # without compression: PNGs are compressed already
        for name in result.asked or result.shares:
            archive.writestr(f"{STEM}_{named[name]}.png", png(mask_picture(result.mask(name))))
    return packed.getvalue()


def cutout(result: Segmentation) -> bytes:
    """Returns a PNG that keeps the photo where the requested classes are (by default, all but the background)."""
    return photo_png(cut_out(result, result.wanted))


def confidence(result: Segmentation) -> bytes:
    return photo_png(grey_picture(result))


def photo_png(picture: Image.Image) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", compress_level=3)
    return encoded.getvalue()


def polygons(result: Segmentation) -> bytes:
    return geojson.as_text(result, geojson.features(result)).encode()


def coco_json(result: Segmentation) -> bytes:
    return coco.as_text(result, STEM, coco.masks(result)).encode()


ENCODERS: dict[str, tuple[str, Callable[[Segmentation], bytes]]] = {
    "labels": (PNG, labels),
    "overlay": (JPEG, overlay),
    "masks": (ZIP, masks),
    "cutout": (PNG, cutout),
    "confidence": (PNG, confidence),
    "polygons": ("application/geo+json", polygons),
    "coco": (JSON, coco_json),
    drafts.BRUSH: (JSON, drafts.brush),
    drafts.OUTLINES: (JSON, drafts.outlines),
}


def tensors(result: Segmentation, facts: dict[str, Any]) -> Answer:
    """Returns the raw bytes that the Open Inference Protocol sends: the label map (H, W) uint8, followed by the scores
    (C, H, W) float32, little-endian, if they were requested."""
    parts = [np.ascontiguousarray(result.label_map).tobytes()]
    if result.scores is not None:
        parts.append(np.ascontiguousarray(result.scores, "<f4").tobytes())
    height, width = result.label_map.shape
    facts = {**facts, "width": width, "height": height, "names": list(result.classes.names)}
    return Answer("application/octet-stream", b"".join(parts), facts)
