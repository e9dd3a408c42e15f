"""Bodies with Content-Encoding."""

import gzip
import zlib

import pytest

from fullconv.serving.compressed import decompressed
from fullconv.serving.refusal import Refusal

BOMB = zlib.compress(b"\0" * 10**8, 9)  # 100 MB in 97 kB; the server takes 25


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("x-GZIP", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_picture_gives_the_same_answer(server, cat, encoding, pack):
    reply = server.ask("/predict?save=json", pack(cat), {"Content-Encoding": encoding})
    assert reply.json == server.ask("/predict?save=json", cat).json


def test_a_bomb_is_refused(server):
    reply = server.ask("/predict", BOMB, {"Content-Encoding": "deflate"})
    assert (reply.status, reply.json["reason"]) == (413, "bytes")
    assert "larger than 25 MB" in reply.json["error"]


def test_only_the_bytes_allowed_and_one_more_are_unpacked():
    assert len(decompressed(BOMB, 1000)) == 1001
    assert decompressed(zlib.compress(b"x" * 1000), 1000) == b"x" * 1000


@pytest.mark.parametrize("body", [b"", b"plain", gzip.compress(b"x" * 99)[:-5], gzip.compress(b"x") + b"more"])
def test_a_damaged_body_is_refused(body):
    with pytest.raises(Refusal) as raised:
        decompressed(body, 1000)
    assert (raised.value.status, raised.value.reason) == (422, "damaged")


def test_an_unknown_encoding_is_refused(server, cat):
    for encoding in ("br", "gzip, gzip"):
        reply = server.ask("/predict", cat, {"Content-Encoding": encoding})
        assert (reply.status, reply.json["reason"]) == (415, "encoding")
        assert "send the body as gzip, as deflate, or without compression" in reply.json["error"]
    assert server.ask("/predict", cat, {"Content-Encoding": "identity"}).status == 200
