"""What training reads of a file, what evaluation reads and what prediction hands to the engine: the same arrays."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.bands import read_bands
from fullconv.data.dataset import Sample
from fullconv.data.masks import identity_lookup
from fullconv.errors import FullconvError
from fullconv.evaluation.scoring import score_pictures
from fullconv.jobs.images import run_one
from fullconv.jobs.job import Job, Wanted
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.prediction.predictor import Model, padded
from fullconv.training.pictures import Skipped, TrainingPicture
from tests.prediction.scenes import UTM

rasterio = pytest.importorskip("rasterio")

CLASSES = Classes.named(["a", "b"])
PILLOW = {
    ".png": ["L", "RGB", "RGBA", "P", "LA", "I;16", "1"], ".webp": ["RGB", "RGBA"], ".bmp": ["RGB", "L"],
    ".tif": ["L", "RGB", "RGBA", "P", "CMYK", "I;16", "F", "1"], ".gif": ["P"], ".jp2": ["L", "RGB", "I;16"],
}  # fmt: skip
SEEN = (-16, 16)
TYPES = ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


class Recorder:
    """An engine that keeps what it is handed."""

    name, precision = "openvino", "fp32"

    def __init__(self):
        self.handed = []

    def label_maps(self, images):
        self.handed.append(images.copy())
        return np.zeros(images.shape[:3], np.uint8)

    def scores(self, images):
        self.handed.append(images.copy())
        return np.zeros((len(images), 2, *images.shape[1:3]), np.float32)

    def room(self, channels=3, scores=False):
        return 2**22


@st.composite
def pillow_files(draw):
    """(ending, a function that writes such a file, the turn that it notes)"""
    suffix = draw(st.sampled_from(sorted(PILLOW)))
    mode, seed = draw(st.sampled_from(PILLOW[suffix])), draw(st.integers(0, 99))
    turn = draw(st.integers(1, 8)) if suffix == ".tif" else 1
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4)).astype(np.uint8)

    def write(path):
        if mode in ("I;16", "F"):
            picture = Image.fromarray(values[..., 0].astype({"I;16": np.uint16, "F": np.float32}[mode]) * 13)
        elif mode in ("RGBA", "CMYK"):
            picture = Image.frombytes(mode, (width, height), values.tobytes())
        else:
            picture = Image.fromarray(values[..., :3]).convert(mode)
        picture.save(path, lossless=True, **({"tiffinfo": {274: turn}} if suffix == ".tif" else {}))

    return suffix, write


@st.composite
def gdal_files(draw):
    suffix, driver = draw(
        st.sampled_from([(".tif", "GTiff"), (".tif", "GTiff"), (".jp2", "JP2OpenJPEG"), (".png", "PNG")])
    )
    deep = ["uint8", "uint16"]
    kind = draw(st.sampled_from(TYPES if driver == "GTiff" else deep))
    bands = draw(st.sampled_from(range(1, 8) if driver == "GTiff" else (1, 3)))
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    placed = draw(st.booleans()) and driver != "PNG"
    alpha = draw(st.booleans()) and bands in (2, 4) and kind in deep
    low, high = (0, 255) if kind == "uint8" else (0 if kind.startswith("u") else -900, 9000)
    values = np.random.default_rng(draw(st.integers(0, 99))).uniform(low, high, (bands, height, width)).astype(kind)
    more = {"REVERSIBLE": "YES", "QUALITY": 100} if driver == "JP2OpenJPEG" else {}
    more |= {"nodata": float(values[0, 0, 0])} if driver == "GTiff" and draw(st.booleans()) else {}
    more |= {"alpha": "YES" if alpha else "NO"} if driver == "GTiff" and bands > 1 else {}
    more |= {"crs": UTM, "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)} if placed else {}
    palette = bands == 1 and kind == "uint8" and driver == "GTiff" and draw(st.booleans())
    more |= {"photometric": "palette"} if palette else {}

    def write(path):
        with warnings.catch_warnings(), rasterio.open(
            path, "w", driver=driver, height=height, width=width, count=bands, dtype=kind, **more
        ) as raster:  # fmt: skip
            raster.write(values)
            if palette:
                raster.write_colormap(1, {i: (255 - i, i // 2, i * 7 % 256, 255) for i in range(256)})

    return suffix, write


def configs(bands):
    """Of a model for photos, and of one for these bands with a range of values."""
    three, channels = (120.3, 110.2, 99.1), 3 if bands == 1 else bands
    yield ModelConfig("photos", Architecture(), CLASSES, NormalisationValues(three, (50.0,) * 3), 64, window=SEEN)
    ranges = tuple((-3.0 * i, 4000.0 + i) for i in range(channels))
    means = tuple(100.5 + i for i in range(channels))
    yield ModelConfig(
        "deep",
        Architecture(channels=channels),
        CLASSES,
        NormalisationValues(means, (50.0,) * channels),
        range=ranges,
        window=SEEN,
    )


def raster_without_data(path, kind="uint8"):
    with rasterio.open(
        path, "w", driver="GTiff", height=1, width=1, count=1, dtype=kind, nodata=0, crs=UTM,
        transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6),
    ) as raster:  # fmt: skip
        raster.write(np.zeros((1, 1, 1), kind))


def deep_raster_without_data(path):
    raster_without_data(path, "uint16")


@example((".tif", raster_without_data))
@example((".tif", deep_raster_without_data))
@given(st.one_of(pillow_files(), gdal_files()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_training_evaluation_and_prediction_see_the_same(tmp_path, file):
    suffix, write = file
    for old in tmp_path.glob("*"):
        old.unlink()
    path, mask = tmp_path / f"x{suffix}", tmp_path / "mask.png"
    write(path)
    values = read_bands(path)
    Image.fromarray(np.zeros(values.shape[:2], np.uint8)).save(mask)
    sample = Sample("x", path, mask, identity_lookup(CLASSES))
    for config in configs(values.shape[2]):
        skipped = Skipped(tmp_path / f"skipped-{config.name}")
        read = TrainingPicture(sample, config, skipped).read()
        if skipped.all():  # without data there is no range to measure; all say the same
            assert skipped.all() == {str(path): refusal(config, sample)}
            continue
        trained = np.ascontiguousarray(read.image.permute(1, 2, 0).numpy())
        assert trained.dtype == config.input
        expected = padded(trained, config.normalisation.colour, 32)[None]
        for handed in (*evaluated(config, sample), *predicted(config, path, tmp_path)):
            assert handed.dtype == expected.dtype
            np.testing.assert_array_equal(handed, expected)


def refusal(config, sample):
    """What evaluation and prediction say of a picture that cannot be seen."""
    model = Model(config, Recorder())
    said = score_pictures(model, [sample]).skipped[sample.image_path]
    with pytest.raises(FullconvError) as error:
        model.predict(sample.image_path)
    assert str(error.value).rpartition(";")[0] == said.rpartition(";")[0]
    assert "--" not in said  # evaluation has no option for the range
    assert "no data found to measure the range" in said
    return said


def evaluated(config, sample):
    engine = Recorder()
    assert not score_pictures(Model(config, engine), [sample]).skipped
    return engine.handed


def predicted(config, path, folder):
    """By the command's way, then by Python's, of the file and of its bytes."""
    engine = Recorder()
    model = Model(config, engine)
    outcome = run_one(model, Job(path, folder / "out"), Wanted(("labels",)))
    assert outcome.error is None
    model.predict(path)
    model.predict(path.read_bytes())
    assert len(engine.handed) == (3 if outcome.shares else 2)  # a raster without data needs no network
    return engine.handed
