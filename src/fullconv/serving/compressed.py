"""Decompresses the bodies of requests, up to a limit."""

from __future__ import annotations

import zlib

from fullconv.serving.refusal import Refusal

EITHER = zlib.MAX_WBITS | 32  # of zlib: gzip or deflate, by the header
KNOWN = ("gzip", "x-gzip", "deflate")  # RFC 9110, 8.4.1


def is_compressed(encoding: str) -> bool:
    """Reads the header Content-Encoding. Raises Refusal for an encoding that is not known."""
    named = encoding.strip().lower()
    if named in ("", "identity"):
        return False
    if named not in KNOWN:
        message = (
            f"no Content-Encoding {encoding[:40]!r} here; send the body as gzip, as deflate, or without compression"
        )
        raise Refusal(415, "encoding", message)
    return True


def decompressed(body: bytes, most: int) -> bytes:
    """Returns at most `most` + 1 bytes: one more than allowed tells that it is too large, without the rest being
    unpacked. Raises Refusal if the body is damaged."""
    unpacker = zlib.decompressobj(EITHER)
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise damaged() from None
    if len(found) <= most and (not unpacker.eof or unpacker.unused_data):
        raise damaged()
    return found


def damaged() -> Refusal:
    return Refusal(422, "damaged", "the compressed body is damaged or cut off; send it again, or without compression")
