"""What a server takes from whoever sends it pictures."""

from __future__ import annotations

from dataclasses import dataclass

from fullconv.errors import FullconvError

KNOWN = ("jpeg", "png", "webp", "gif", "bmp", "avif", "tiff")
BODIES_HELD = 20  # times the largest body: what bodies may take in memory together


@dataclass(frozen=True)
class Limits:
    """`body` in bytes, `pixels` and `frames` of one picture, `formats` by name; `seconds` that a request may take, from
    its first byte to its answer; `queue`: how many pictures may wait for a worker."""

    body: int = 25 * 10**6
    pixels: int = 50 * 10**6
    frames: int = 1
    formats: tuple[str, ...] = ("jpeg", "png", "webp", "gif", "bmp", "avif")
    seconds: float = 30.0
    queue: int = 64

    def __post_init__(self) -> None:
        for name in self.formats:
            if name not in KNOWN:
                raise FullconvError(f"--formats: no format {name!r}; choose from {', '.join(KNOWN)}")
        if not self.formats:
            raise FullconvError(f"--formats: name at least one of {', '.join(KNOWN)}")

    @property
    def held(self) -> int:
        """Bytes of all bodies together."""
        return self.body * BODIES_HELD
