"""Which files of earlier runs the new results of a picture make obsolete: those of the same outputs.

If another model finds a dog where an earlier one found a cat, photo_cat.png does not belong beside photo_dog.png. Files
of other outputs stay: labels of the earlier run, if the new one writes masks only. So do the masks of other classes, if
the new one was asked for some classes only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

PAGE = re.compile(r"_page\d+(?=[_.])")
# Patterns of what follows the target in the names of an output's files; the first one that matches counts.
OUTPUTS = {
    "labels": r"_labels\.(png|tif|tif\.aux\.xml|mkv)", "overlay": r"_overlay\.(jpg|png|tif|mp4|mkv|mov)",
    "scores": r"_scores\.(npz|tif)", "confidence": r"_confidence\.(png|tif)", "polygons": r"\.geojson",
    "geopackage": r"\.gpkg", "coco": r"_coco\.json", "coco-polygons": r"_coco_polygons\.json",
    "labelme": r"\.(json|png)", "cutout": r"_.+_cutout\.png", "masks": r"_.+\.(png|tif)",
}  # fmt: skip


OF_CLASSES = ("masks", "cutout")  # a file for each class


def superseded(target: str, left: Iterable[str], outputs: Collection[str], asked: Collection[str] = ()) -> list[str]:
    """Returns those files of a target that are of the new outputs, among those `left` from earlier runs. `asked`: the
    classes that the new run was asked for; empty means all."""
    obsolete = {output for output in outputs if not (asked and output in OF_CLASSES)}
    return [name for name in left if output_of(name.removeprefix(target)) in obsolete]


def output_of(ending: str) -> str | None:
    """ "_page3_labels.png" → "labels". None if no output has such files."""
    plain = PAGE.sub("", ending, count=1) if PAGE.match(ending) else ending
    return next((output for output, pattern in OUTPUTS.items() if re.fullmatch(pattern, plain, re.DOTALL)), None)
