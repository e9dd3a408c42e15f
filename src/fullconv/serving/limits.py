"""The limits of a server for the pictures that it receives."""

from __future__ import annotations

from dataclasses import dataclass

from fullconv.errors import UnknownValue, suggestion

KNOWN = ("jpeg", "png", "webp", "gif", "bmp", "avif", "tiff")
BODIES_HELD = 20  # all bodies together may take this many times the largest body in memory


@dataclass(frozen=True)
class Limits:
    """`body`: bytes of the largest request body. `pixels`, `frames`: most of one picture. `formats`: names of accepted
    formats. `seconds`: time for a request, from its first byte to its answer. `queue`: number of pictures that may
    wait for a worker. Raises FullconvError for an unknown format."""

    body: int = 25 * 10**6
    pixels: int = 50 * 10**6
    frames: int = 1
    formats: tuple[str, ...] = ("jpeg", "png", "webp", "gif", "bmp", "avif")
    seconds: float = 30.0
    queue: int = 64

    def __post_init__(self) -> None:
        for name in self.formats:
            if name not in KNOWN:
                near = suggestion(name, KNOWN)
                raise UnknownValue(f"--formats: no format {name!r}; choose from {', '.join(KNOWN)}{near}")
        if not self.formats:
            raise UnknownValue(f"--formats: name at least one of {', '.join(KNOWN)}")

    @property
    def held(self) -> int:
        """The number of bytes that all bodies together may have."""
        return self.body * BODIES_HELD
