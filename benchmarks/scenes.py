"""`fullconv predict` on generated scenes of any size, as a whole process: time per megapixel, peak memory, and a kill.

usage: python benchmarks/scenes.py cost [--sides 316 1000 …] [--models tiny animals] [--plot docs/figures/scenes.png]
       python benchmarks/scenes.py memory [--sides 2000 10000 50000] [--models tiny] [--tile 1024]
       python benchmarks/scenes.py kill [--sides 50000]

`tiny` is an FCN-8s over timm's test_resnet with random parameters: it has to make the table's large rows affordable,
and what is not the network is the same for every network. Scenes of `cost` have data everywhere: one mosaic of the
photos in examples/, repeated by a virtual raster. Those of `memory` and `kill` are sparse GeoTIFFs with data in one of
25 squares of 1024 pixels; the rest is nodata.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from processes import Timing, run_once

from fullconv.classes import Classes
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues

EXAMPLES = Path(__file__).parent.parent / "examples"
RUN = [sys.executable, "-c", "from fullconv.commands.main import main; main()", "predict"]
SQUARE, REPEATED = 1024, 4096
GROUND = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "memory", "kill"])
    parser.add_argument("--sides", type=int, nargs="+")
    parser.add_argument("--models", nargs="+", default=["tiny"])
    parser.add_argument("--tile", default="1024")
    parser.add_argument("--save", default="labels,masks,overlay", help="What memory's runs write.")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--rows", type=Path, help="A file of cost's rows: kept between calls, and plotted together.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        {"cost": cost, "memory": memory, "kill": kill}[options.what](options, Path(name))


def cost(options: argparse.Namespace, folder: Path) -> None:
    rows = json.loads(options.rows.read_text()) if options.rows and options.rows.exists() else []
    print(f"{'net':>8}{'side':>8}{'megapixels':>12}{'process s':>11}{'s/MP':>8}{'scene s/MP':>12}{'MB':>7}")
    for model in options.models:
        for side in options.sides or [316, 1000, 2000, 3162, 10_000, 31_623, 50_000]:
            timing, seconds = predict(dense(folder, side), model, folder, "--save", "labels")
            megapixels = side * side / 1e6
            rows.append([model, side, timing.seconds[-1] / megapixels, seconds / megapixels])
            print(
                f"{model:>8}{side:>8}{megapixels:>12.1f}{timing.seconds[-1]:>11.1f}{rows[-1][2]:>8.3f}"
                f"{rows[-1][3]:>12.3f}{timing.megabytes[-1]:>7.0f}", flush=True,
            )  # fmt: skip
    if options.rows:
        options.rows.write_text(json.dumps(rows))
    if options.plot:
        plot(rows, options.plot)


def memory(options: argparse.Namespace, folder: Path) -> None:
    print(
        f"{'net':>8}{'side':>8}{'tile':>8}{'process s':>11}{'MB':>7}   labels, masks, overlay; data in 4 % of the scene"
    )
    for model in options.models:
        for side in options.sides or [2000, 10_000, 50_000]:
            timing, _ = predict(sparse(folder, side), model, folder, "--tile", options.tile, "--save", options.save)
            print(
                f"{model:>8}{side:>8}{options.tile:>8}{timing.seconds[-1]:>11.1f}{timing.megabytes[-1]:>7.0f}",
                flush=True,
            )


def kill(options: argparse.Namespace, folder: Path) -> None:
    side = (options.sides or [50_000])[0]
    scene, model = sparse(folder, side), network(options.models[0], folder)
    command = [*RUN, str(scene), "--model", model, "--tile", options.tile, "--save", "labels,scores,geopackage"]
    subprocess.run([*command, "--out", str(folder / "whole")], check=True, stdout=subprocess.DEVNULL)
    killed = folder / "killed"
    for share in (0.2, 0.5, 0.8):
        process = subprocess.Popen([*command, "--out", str(killed), "--resume"], stdout=subprocess.DEVNULL)
        while pieces(killed) < share * (side / int(options.tile)) ** 2 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed with {pieces(killed)} windows done; under final names: {sorted(contents(killed)) or 'nothing'}")
    subprocess.run([*command, "--out", str(killed), "--resume"], check=True, stdout=subprocess.DEVNULL)
    one, other = contents(folder / "whole"), contents(killed)
    print(f"resumed to the end: {', '.join(sorted(one))}: {'the same bytes' if one == other else 'NOT THE SAME'}")


def predict(scene: Path, model: str, folder: Path, *arguments: str) -> tuple[Timing, float]:
    """(the process, seconds from opening the scene to its last file)."""
    timing, out = Timing(), folder / f"out-{scene.stem}-{model}"
    run_once([*RUN, str(scene), "--model", network(model, folder), "--out", str(out), *arguments], timing)
    return timing, json.loads((out / "predictions.jsonl").read_text().splitlines()[-1])["seconds"]


def network(name: str, folder: Path) -> str:
    """A bundled model's name, or the folder of the tiny one, made when first asked for."""
    if name == "tiny" and not (folder / "tiny").exists():
        subprocess.run([sys.executable, "-c", f"import scenes; scenes.make_tiny({str(folder / 'tiny')!r})"],
                       cwd=Path(__file__).parent, check=True, stderr=subprocess.DEVNULL)  # fmt: skip
    return str(folder / "tiny") if name == "tiny" else name


def make_tiny(path: str) -> None:
    import torch

    from fullconv.exporting.onnx import export_onnx
    from fullconv.models.build import build
    from fullconv.weights.checkpoint import save_model

    torch.manual_seed(0)
    half = NormalisationValues((127.5,) * 3, (127.5,) * 3)
    config = ModelConfig("tiny", Architecture("test_resnet", 8), Classes.named(["background", "field", "roof"]), half)
    net = build(config).eval()
    for parameter_name, parameter in net.named_parameters():
        if parameter_name.startswith("score") and parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=0.3)
    save_model(Path(path), net, config)
    export_onnx(Path(path))


def dense(folder: Path, side: int) -> Path:
    """A virtual raster of side x side pixels that shows one GeoTIFF over and over."""
    tile = folder / "repeated.tif"
    if not tile.exists():
        with rasterio.open(tile, "w", **profile(REPEATED)) as raster:
            raster.write(np.moveaxis(photos(REPEATED), 2, 0))
    path = folder / f"dense{side}.vrt"
    bands = "".join(f'<VRTRasterBand dataType="Byte" band="{band}">{sources(tile, band, side)}</VRTRasterBand>'
                    for band in (1, 2, 3))  # fmt: skip
    ground = f"<SRS>EPSG:32633</SRS><GeoTransform>{', '.join(map(str, GROUND['transform'].to_gdal()))}</GeoTransform>"
    path.write_text(f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}">{ground}{bands}</VRTDataset>')
    return path


def sources(tile: Path, band: int, side: int) -> str:
    return "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="1">{tile.name}</SourceFilename><SourceBand>{band}</SourceBand>'
        f'<SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>'
        f'<DstRect xOff="{left}" yOff="{top}" xSize="{width}" ySize="{height}"/></SimpleSource>'
        for top in range(0, side, REPEATED) for left in range(0, side, REPEATED)
        for height, width in [(min(REPEATED, side - top), min(REPEATED, side - left))]
    )  # fmt: skip


def sparse(folder: Path, side: int) -> Path:
    path, square = folder / f"sparse{side}.tif", np.moveaxis(photos(SQUARE), 2, 0)
    with rasterio.open(path, "w", **profile(side), nodata=0, sparse_ok=True, bigtiff="yes") as raster:
        for row in range(side // SQUARE + 1):
            for column in range(side // SQUARE + 1):
                if (row + 2 * column) % 25 < 1 or (row, column) == (1, 0):
                    top, left = row * SQUARE, column * SQUARE
                    height, width = min(SQUARE, side - top), min(SQUARE, side - left)
                    raster.write(square[:, :height, :width], window=((top, top + height), (left, left + width)))
    return path


def profile(side: int) -> dict[str, object]:
    return {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "tiled": True,
            "blockxsize": 256, "blockysize": 256, "compress": "deflate", **GROUND}  # fmt: skip


def photos(side: int) -> np.ndarray:
    """side x side pixels of the photos in examples/, none of them 0, which is nodata."""
    canvas = np.ones((side, side, 3), np.uint8)
    files = sorted(EXAMPLES.glob("*.jpg"))
    for number, (top, left) in enumerate((t, x) for t in range(0, side, 300) for x in range(0, side, 400)):
        photo = np.asarray(Image.open(files[number % len(files)]).convert("RGB"))[: side - top, : side - left][
            :300, :400
        ]
        canvas[top : top + photo.shape[0], left : left + photo.shape[1]] = photo.clip(1)
    return canvas


def pieces(out: Path) -> int:
    return sum(1 for _ in out.glob(".*.parts/*.npz"))


def contents(out: Path) -> dict[str, str]:
    """{final name: hash} of what has been written; hidden files and the list of what was done are left out."""
    found = {}
    for path in out.iterdir():
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".jsonl":
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def plot(rows: list[list], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for model in dict.fromkeys(row[0] for row in rows):
        mine = sorted((row[1] ** 2 / 1e6, row[2]) for row in rows if row[0] == model)
        axes.loglog(*zip(*mine, strict=True), marker="o", label={"tiny": "tiny net"}.get(model, model))
    axes.set(xlabel="megapixels of the scene", ylabel="seconds per megapixel, whole process")
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
