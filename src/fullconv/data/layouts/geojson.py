"""GeoTIFFs in images/ with outlines on the ground: one labels/<name>.geojson each, or one .geojson for all in root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.classes import LabelMap
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.geo import LONGITUDE_LATITUDE, Geometry, burn, check_outlines, grid_of, lies_on
from fullconv.data.json_files import read_json
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.split_names import SPELLINGS, Place, places_in, read_splits
from fullconv.errors import FullconvError
from fullconv.files import files_under, glob_in
from fullconv.yaml_files import flow

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
    classes = options.classes or options.named_classes(root, flow(["background", *_found_in(root)]))
    values = {name: i for i, name in enumerate(classes.names)}
    lookup = options.lookup_for(classes)

    def sample(place: Place, picture: Path) -> Sample:
        outlines = _outlines(root, picture)
        name = picture.relative_to(place.folder).with_suffix("").as_posix()
        features = Features(picture, values, is_own=outlines.parent != root)
        return Sample(name, picture, outlines, lookup, read_picture, features)

    def samples(place: Place) -> tuple[Sample, ...]:
        return tuple(sample(place, picture) for picture in sorted(_files(place.folder, RASTERS, place.deep)))

    splits, left_out = read_splits(places_in(root / "images"), samples, _refuse_unlabelled)
    _refuse_elsewhere(root, [each for split in splits.values() for each in split])
    return Dataset(root, "geojson", classes, splits, left_out=left_out)


def _found_in(root: Path) -> list[str]:
    """Returns the classes of all features, or an example of one."""
    files = [*_files(root / "labels", OUTLINES), *glob_in(root, "*.geojson")]
    names = {_class_of(properties) for path in files for _, properties in _features_of(path)[0]}
    return sorted(names - {""}) or ["building"]


def _refuse_unlabelled(split: str, samples: Sequence[Sample]) -> None:
    """Raises FullconvError if no picture of a folder that is no split has outlines."""
    if samples and split not in SPELLINGS and not any(sample.label_path.is_file() for sample in samples):
        raise FullconvError(f"{samples[0].image_path.parent}: its pictures have no {samples[0].label_path.suffix}")


def _refuse_elsewhere(root: Path, samples: Sequence[Sample]) -> None:
    """Raises FullconvError if one file has the outlines of all pictures, and lies on none of them."""
    pictures = [each.image_path for each in samples if each.label_path.parent == root and each.label_path.is_file()]
    if not pictures:
        return
    path = next(iter(glob_in(root, "*.geojson")))
    drawn, crs = _features_of(path)
    geometries = [geometry for geometry, _ in drawn]
    check_outlines(path, geometries, crs)
    if geometries and not any(lies_on(grid_of(picture), path, geometries, crs) for picture in pictures):
        raise FullconvError(
            f"{path}: no outline lies on a picture in {root / 'images'}; check the coordinate system of both, "
            "and the order of longitude and latitude"
        )


@dataclass(frozen=True)
class Features:
    """Draws the features of a GeoJSON into the grid of a picture. Later ones cover earlier ones; the rest is 0."""

    picture: Path
    values: Mapping[str, int]
    is_own: bool = True  # whether the file is of this picture alone

    def __call__(self, path: Path) -> LabelMap:
        drawn, crs = _features_of(path)
        shapes = [(geometry, self._value(properties, path)) for geometry, properties in drawn]
        geometries = [geometry for geometry, _ in drawn]
        check_outlines(path, geometries, crs)
        grid = grid_of(self.picture)
        if geometries and self.is_own and not lies_on(grid, path, geometries, crs):
            raise FullconvError(
                f"{path}: no outline lies on {self.picture.name}; check the coordinate system of both, "
                "and the order of longitude and latitude"
            )
        return burn(grid, shapes, crs)

    def _value(self, properties: Mapping[str, Any], path: Path) -> int:
        name = _class_of(properties)
        if name in self.values:
            return self.values[name]
        if not name and len(self.values) == 2:
            return 1
        raise FullconvError(
            f"{path}: a feature of class {name!r}; give each a property `class` with one of {', '.join(self.values)}, "
            "or add its class to `names`"
        )


def _class_of(properties: Mapping[str, Any]) -> str:
    return next((str(properties[key]) for key in PROPERTIES if key in properties), "")


def _features_of(path: Path) -> tuple[list[tuple[Geometry, Mapping[str, Any]]], str]:
    """Returns ([(geometry, properties)] of the features that have a geometry, their coordinate system)."""
    content = read_json(path)
    crs = ((content.get("crs") or {}).get("properties") or {}).get("name", LONGITUDE_LATITUDE)
    features = [feature for feature in content.get("features", ()) if feature.get("geometry")]
    return [(feature["geometry"], feature.get("properties") or {}) for feature in features], str(crs)


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
