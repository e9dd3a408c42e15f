"""GeoTIFFs in images/ with outlines on the ground: one labels/<name>.geojson each, or one .geojson for all in root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.classes import LabelMap
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.geo import burn
from fullconv.data.json_files import read_json
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.split_names import SPELLINGS, Place, places_in, read_splits
from fullconv.errors import FullconvError
from fullconv.files import files_under, glob_in

LONGITUDE_LATITUDE = "OGC:CRS84"  # required by RFC 7946; older files name another under `crs`
PROPERTIES = ("class", "label", "category")
RASTERS, OUTLINES = (".tif", ".tiff"), (".geojson",)


def recognises(root: Path) -> str:
    pictures = next(_files(root / "images", RASTERS), None)
    outlines = next(_files(root / "labels", OUTLINES), None) or next(iter(glob_in(root, "*.geojson")), None)
    if pictures is None or outlines is None:
        return ""
    return f"GeoTIFFs in images/ and {outlines.relative_to(root).as_posix()}"


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Splits are the folders in images/. `names` begin with the background.

    The class of a feature is its property `class`, `label` or `category`. If `names` has one class besides the
    background, every feature belongs to it.
    """
    classes = options.named_classes(root)
    values = {name: i for i, name in enumerate(classes.names)}
    lookup = options.lookup_for(classes)

    def samples(place: Place) -> tuple[Sample, ...]:
        return tuple(
            Sample(
                picture.relative_to(place.folder).with_suffix("").as_posix(), picture, _outlines(root, picture), lookup,
                read_picture, Features(picture, values),
            )
            for picture in sorted(_files(place.folder, RASTERS, place.deep))
        )  # fmt: skip

    splits, left_out = read_splits(places_in(root / "images"), samples, _refuse_unlabelled)
    return Dataset(root, "geojson", classes, splits, left_out=left_out)


def _refuse_unlabelled(split: str, samples: Sequence[Sample]) -> None:
    """Raises FullconvError if no picture of a folder that is no split has outlines."""
    if samples and split not in SPELLINGS and not any(sample.label_path.is_file() for sample in samples):
        raise FullconvError(f"{samples[0].image_path.parent}: its pictures have no {samples[0].label_path.suffix}")


@dataclass(frozen=True)
class Features:
    """Draws the features of a GeoJSON into the grid of a picture. Later ones cover earlier ones; the rest is 0."""

    picture: Path
    values: Mapping[str, int]

    def __call__(self, path: Path) -> LabelMap:
        content = read_json(path)
        crs = ((content.get("crs") or {}).get("properties") or {}).get("name", LONGITUDE_LATITUDE)
        shapes = [
            (feature["geometry"], self._value(feature.get("properties") or {}, path))
            for feature in content.get("features", ())
            if feature.get("geometry")
        ]
        return burn(self.picture, shapes, str(crs))

    def _value(self, properties: Mapping[str, Any], path: Path) -> int:
        name = next((str(properties[key]) for key in PROPERTIES if key in properties), "")
        if name in self.values:
            return self.values[name]
        if not name and len(self.values) == 2:
            return 1
        raise FullconvError(
            f"{path}: a feature of class {name!r}; give each a property `class` with one of {', '.join(self.values)}"
        )


def _files(folder: Path, endings: tuple[str, ...], deep: bool = True) -> Iterator[Path]:
    """Yields the files, but not the .tif.aux.xml, .tif.ovr and .tif.msk that GDAL writes beside a raster."""
    files = files_under(folder, deep=deep) if folder.is_dir() else iter(())
    return (path for path in files if path.suffix.lower() in endings)


def _outlines(root: Path, picture: Path) -> Path:
    """Returns the picture's own file, or else the one for all."""
    own = (root / "labels" / picture.relative_to(root / "images")).with_suffix(".geojson")
    shared = glob_in(root, "*.geojson")
    if own.is_file() or not shared:
        return own
    if len(shared) > 1:
        raise FullconvError(f"{root}: {len(shared)} .geojson files; keep one, or one per picture in labels/")
    return shared[0]
