"""What a result can be written as, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.outputs.coco import write_coco
from fullconv.outputs.coco_polygons import write_coco_polygons
from fullconv.outputs.geojson import write_polygons
from fullconv.outputs.labelme import write_labelme
from fullconv.outputs.png import write_labels, write_masks, write_overlay
from fullconv.outputs.scores import write_scores
from fullconv.segmentation import Segmentation


def nowhere(result: Segmentation, target: Path) -> list[Path]:
    """A GeoPackage of a picture that lies nowhere on the ground."""
    raise FullconvError(
        f"{result.source or target.name}: no place on the ground, which a GeoPackage needs; take polygons"
    )


WRITERS: dict[str, Callable[[Segmentation, Path], list[Path]]] = {
    "labels": write_labels, "masks": write_masks, "overlay": write_overlay, "scores": write_scores,
    "polygons": write_polygons, "coco": write_coco, "coco-polygons": write_coco_polygons, "labelme": write_labelme,
    "geopackage": nowhere,
}  # fmt: skip


def save(result: Segmentation, target: Path, outputs: Sequence[str]) -> list[Path]:
    """Writes target_labels.png and so on, as `outputs` asks; gives the paths."""
    check(outputs)
    writers = WRITERS
    if result.georeference:
        from fullconv.outputs.ground import GROUND_WRITERS

        writers = WRITERS | GROUND_WRITERS
    return [path for output in outputs for path in writers[output](result, target)]


def check_outputs(wanted: str) -> list[str]:
    """ "labels, masks" → ["labels", "masks"], each once. Raises FullconvError for an output that is unknown."""
    outputs = list(dict.fromkeys(output.strip() for output in wanted.split(",") if output.strip()))
    check(outputs)
    return outputs


def check(outputs: Sequence[str]) -> None:
    for output in outputs or [""]:
        if output not in WRITERS:
            raise FullconvError(f"no output {output!r}; choose among {', '.join(WRITERS)}")
