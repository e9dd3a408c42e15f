"""Pictures of a stranger's: each function gives the bytes of one file."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.hostile.data_sets import bomb_png

Content = Callable[[], bytes]
SIDE = 10**5


def saved(form: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header(width: int, height: int, depth: int = 8, colours: int = 2) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)


def endless_frames() -> bytes:
    """An animation that claims two thousand million frames, and has one."""
    rows = (b"IDAT", zlib.compress(bytes((3 * 8 + 1) * 6)))
    control = (b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 6, 0, 0, 1, 1, 0, 0))
    return png(header(8, 6), (b"acTL", struct.pack(">II", 2**31 - 1, 0)), control, rows, (b"IEND", b""))


def text_bomb() -> bytes:
    """A comment of 300 megabytes."""
    packer = zlib.compressobj(9)
    comment = b"".join(packer.compress(bytes(10**7)) for _ in range(30)) + packer.flush()
    rows = (b"IDAT", zlib.compress(bytes((3 * 8 + 1) * 6)))
    return png(header(8, 6), (b"zTXt", b"a\0\0" + comment), rows, (b"IEND", b""))


def tiff(*tags: tuple[int, int, int, int], data: bytes = b"", following: int = 0) -> bytes:
    """Of one directory: (tag, type, count, value or place), and what lies behind it, at 8 + 2 + 12 a tag + 4."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following) + data


def tiff_of(width: int, height: int, strips: int = 1, **more: int) -> bytes:
    """Grey, its strips all at one place."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    place = 8 + 2 + 12 * (len(tags) + 3) + 4
    if strips == 1:
        tags += [(273, 4, 1, place), (279, 4, 1, width * height % 2**32), (278, 4, 1, height)]
        return tiff(*tags, data=bytes(100), **more)
    tags += [(273, 4, strips, place), (279, 4, strips, place + 4 * strips), (278, 4, 1, 1)]
    table = struct.pack("<I", place) * strips + struct.pack("<I", width) * strips
    return tiff(*tags, data=table + bytes(width), **more)


def many_directories(count: int) -> bytes:
    """Each empty, and leading to the next."""
    return b"II*\0" + struct.pack("<I", 8) + b"".join(struct.pack("<HI", 0, 8 + 6 * (i + 1)) for i in range(count))


def claimed(form: str, old: bytes, new: bytes, **options: object) -> bytes:
    """A small file whose size is replaced by a large one."""
    content = saved(form, **options)
    assert old in content, form
    return content.replace(old, new)


def large_frame() -> bytes:
    """A second frame of a TIFF that is far larger than the first."""
    first = tiff_of(8, 6)
    second = len(first)
    content = tiff_of(8, 6, following=second)
    entries = [(256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
               (277, 3, 1, 1), (278, 4, 1, SIDE), (279, 4, 1, 100)]  # fmt: skip
    return content + struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)


def mutated(form: str, seed: int, **options: object) -> bytes:
    """Some bytes changed, or a piece cut off, put in twice or left out."""
    return changed(saved(form, **options), random.Random(f"{form}{seed}"))


def changed(right: bytes, chance: random.Random) -> bytes:
    """A mutant of a right file."""
    content = bytearray(right)
    for _ in range(chance.randint(1, 8)):
        at, length = chance.randrange(len(content) or 1), chance.randint(1, 64)
        match chance.randrange(4):
            case 0:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at : at + length]
            case 3:
                content[at : at + 4] = chance.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
    return bytes(content)


SIZES = {"wide": struct.pack(">II", 40, 30), "huge": struct.pack(">II", SIDE, SIDE)}
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(ran) (w) file closefile\nshowpage\n"
DDS = b"DDS " + struct.pack("<7I", 124, 0x1007, 10**5, 10**5, 0, 0, 1) + bytes(44)
DDS += struct.pack("<II4s", 32, 4, b"DXT1") + bytes(40)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'

REFUSED: dict[str, Content] = {
    "bomb.png": lambda: bomb_png(20_000),
    "claim.png": lambda: claimed("PNG", header(40, 30)[1], header(SIDE, SIDE)[1]),
    "claim.jpg": lambda: claimed("JPEG", struct.pack(">HH", 30, 40), b"\xff\xff\xff\xff"),
    "claim.gif": lambda: claimed("GIF", b"GIF87a" + struct.pack("<HH", 40, 30), b"GIF87a\xff\xff\xff\xff"),
    "claim.bmp": lambda: claimed("BMP", struct.pack("<ii", 40, 30), struct.pack("<ii", SIDE, SIDE)),
    "claim.tif": lambda: tiff_of(SIDE, SIDE),
    "claim.ppm": lambda: b"P6 100000 100000 255\n",
    "claim.jp2": lambda: claimed("JPEG2000", struct.pack(">II", 30, 40), SIZES["huge"]),
    "claim.avif": lambda: claimed("AVIF", b"ispe\0\0\0\0" + SIZES["wide"], b"ispe\0\0\0\0" + SIZES["huge"]),
    "claim.webp": lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(12),
    "digits.ppm": lambda: b"P6 " + b"9" * 10**6,
    "postscript.jpg": lambda: POSTSCRIPT,
    "document.png": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "surface.png": lambda: DDS,
    "drawing.png": lambda: SVG,
    "playlist.jpg": lambda: b"#EXTM3U\nfile:///etc/passwd\n",
    "icon.png": lambda: saved("ICO"),
    "empty.jpg": lambda: b"",
    "zeros.jpg": lambda: bytes(1000),
    "text.jpg": lambda: b"not a picture\n",
    "archive.jpg": lambda: b"PK\x03\x04" + bytes(100),
    "directories.tif": lambda: many_directories(10**6),
    "circle.tif": lambda: many_directories(1)[:-4] + struct.pack("<I", 8),
    "tag-count.tif": lambda: tiff((256, 4, 2**31, 8), (257, 4, 1, 8), (273, 4, 2**31, 8)),
    "zero-size.tif": lambda: tiff_of(0, 0),
    "strips.tif": lambda: tiff_of(1, 10**6, strips=10**6),
    **{f"cut{ending}": lambda form=form: saved(form)[:200] for form, ending in (
        ("JPEG", ".jpg"), ("PNG", ".png"), ("GIF", ".gif"), ("BMP", ".bmp"), ("TIFF", ".tif"), ("WEBP", ".webp"),
        ("JPEG2000", ".jp2"), ("AVIF", ".avif"))},
}  # fmt: skip

ACCEPTED: dict[str, Content] = {
    "frames.png": endless_frames,
    "large-frame.tif": large_frame,
    "photo.jpg.png": lambda: saved("JPEG"),  # by its content, whatever its name
    "pixel.png": lambda: saved("PNG", (1, 1)),
}
EITHER: dict[str, Content] = {"text-bomb.png": text_bomb}  # the pixels are there, and so is the bomb

FORMS = {
    "JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp", "JPEG2000": ".jp2",
    "AVIF": ".avif", "PPM": ".ppm",
}  # fmt: skip
