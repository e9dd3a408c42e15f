"""Rasters of a stranger's: each function fills the folder `data` and gives the raster's name there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile.data_sets import write
from tests.prediction.scenes import write_scene

Build = Callable[[Path], Path]
SIZE = (32, 40)


def plain(path: Path) -> Path:
    array = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return write_scene(path, array)


def virtual(folder: Path, source: str, inside: str = "", band: str = "", size: tuple[object, object] = (40, 32),
            relative: int = 0, kind: str = "SimpleSource") -> Path:  # fmt: skip
    """A virtual raster of three bands, each from the same source."""
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{i}"{band}><{kind}><SourceFilename relativeToVRT="{relative}">{source}'
        f"</SourceFilename><SourceBand>{i}</SourceBand></{kind}></VRTRasterBand>"
        for i in (1, 2, 3)
    )
    text = f'<VRTDataset rasterXSize="{size[0]}" rasterYSize="{size[1]}">{inside}{bands}</VRTDataset>'
    return write(folder / "scene.vrt", text)


def with_sidecar(folder: Path, ending: str, content: str) -> Path:
    scene = plain(folder / "scene.tif")
    write(folder / f"scene.tif{ending}", content)
    return scene


def renamed(folder: Path, content: str) -> Path:
    """A virtual raster under the name of a TIFF, with a world file that makes it a raster."""
    write(folder / "scene.tfw", "1\n0\n0\n-1\n0\n0\n")
    return write(folder / "scene.tif", content)


RAW = (
    '<VRTDataset rasterXSize="10" rasterYSize="10"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
    '<SourceFilename relativetoVRT="0">/etc/passwd</SourceFilename><ImageOffset>0</ImageOffset>'
    "<PixelOffset>1</PixelOffset><LineOffset>10</LineOffset></VRTRasterBand></VRTDataset>"
)
WMS = '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:9/{}</ServerUrl></Service></GDAL_WMS>'


def secret(folder: Path) -> str:
    return str(plain(folder.parent / "secret" / "secret.tif"))


def loop(folder: Path) -> Path:
    return virtual(folder, "scene.vrt", relative=1)


def cut(folder: Path) -> Path:
    scene = plain(folder / "scene.tif")
    scene.write_bytes(scene.read_bytes()[:400])
    return scene


REFUSED: dict[str, Build] = {
    "reads-a-local-file": lambda f: write(f / "scene.vrt", RAW),
    "reads-a-local-file-under-another-name": lambda f: renamed(f, RAW),
    "elsewhere": lambda f: virtual(f, secret(f)),
    "elsewhere-by-dots": lambda f: secret(f) and virtual(f, "../secret/secret.tif", relative=1),
    "elsewhere-twice": lambda f: (virtual(f / "inner", secret(f)), virtual(f, "inner/scene.vrt", relative=1))[1],
    "address": lambda f: virtual(f, "/vsicurl/http://127.0.0.1:9/a.tif"),
    "address-of-a-store": lambda f: virtual(f, "/vsis3/bucket/a.tif"),
    "address-plain": lambda f: virtual(f, "http://127.0.0.1:9/a.tif"),
    "service": lambda f: (write(f / "a.tif", WMS), virtual(f, "a.tif", relative=1))[1],
    "service-inside": lambda f: virtual(f, WMS.replace("<", "&lt;").replace(">", "&gt;")),
    "sub-dataset": lambda f: virtual(f, f"GTIFF_DIR:1:{secret(f)}"),
    "text": lambda f: (write(f / "a.tif", "root:x:0:0"), virtual(f, "a.tif", relative=1))[1],
    "code": lambda f: (
        plain(f / "a.tif"),
        virtual(f, "a.tif", band=' subClass="VRTDerivedRasterBand"', relative=1),
    )[1],
    "warped": lambda f: write(
        f / "scene.vrt", '<VRTDataset rasterXSize="9" rasterYSize="9" subClass="VRTWarpedDataset"/>'
    ),
    "open-options": lambda f: (plain(f / "a.tif"), virtual(f, "a.tif", "<OpenOptions/>", relative=1))[1],
    "overviews-elsewhere": lambda f: (
        plain(f / "a.tif"),
        virtual(
            f, "a.tif", '<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/etc/passwd</MDI></Metadata>', relative=1
        ),
    )[1],
    "entities": lambda f: write(f / "scene.vrt", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><VRTDataset/>'),
    "itself": loop,
    "size-absurd": lambda f: (plain(f / "a.tif"), virtual(f, "a.tif", size=(2**31 - 1, 2**31 - 1), relative=1))[1],
    "size-text": lambda f: (plain(f / "a.tif"), virtual(f, "a.tif", size=("x", -1), relative=1))[1],
    "no-xml": lambda f: write(f / "scene.vrt", "root:x:0:0"),
    "empty": lambda f: write(f / "scene.vrt", ""),
    "missing": lambda f: virtual(f, "none.tif", relative=1),
    "mask-is-virtual": lambda f: with_sidecar(f, ".msk", RAW),
    "overviews-are-virtual": lambda f: with_sidecar(f, ".ovr", RAW),
    "aux-names-files": lambda f: with_sidecar(
        f,
        ".aux.xml",
        '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/etc/passwd</MDI></Metadata></PAMDataset>',
    ),
    "cut": cut,
}


def placed_photo(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE[::-1], "grey").save(folder / "photo.png")
    write(folder / "photo.pgw", "1\n0\n0\n-1\n0\n0\n")
    return folder / "photo.png"


def linked(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.symlink(secret(folder), folder / "a.tif")
    return virtual(folder, "a.tif", relative=1)


ACCEPTED: dict[str, Build] = {
    "plain": lambda f: plain(f / "scene.tif"),
    "virtual": lambda f: (plain(f / "a.tif"), virtual(f, "a.tif", relative=1))[1],
    "virtual-below": lambda f: (plain(f / "tiles" / "a.tif"), virtual(f, "tiles/a.tif", relative=1))[1],
    "virtual-of-virtual": lambda f: (
        plain(f / "inner" / "a.tif"), virtual(f / "inner", "a.tif", relative=1),
        virtual(f, "inner/scene.vrt", relative=1),
    )[2],
    "link-of-the-user": linked,
    "world-file": placed_photo,
}  # fmt: skip
