"""What of a file is to be read, where a user asks for something else than a model takes by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fullconv.errors import FullconvError
from fullconv.view import Range, View


@dataclass(frozen=True)
class Reading:
    """`bands`, from 1 on, instead of the first ones; `ranges` of values that become 0–255, one for all channels or one
    for each, instead of the model's or the file's own; `page`, from 0 on; `pages`: each of them, as a picture."""

    bands: tuple[int, ...] = ()
    ranges: tuple[Range, ...] = ()
    page: int = 0
    pages: bool = False

    def __post_init__(self) -> None:
        for low, high in self.ranges:
            if not low < high:
                raise FullconvError(f"--range {low:g},{high:g}: give the lower value first")

    def of(self, view: View) -> View:
        """A model's view with what was asked for."""
        return view.asked(self.bands, self.ranges)

    def at(self, page: int) -> Reading:
        return replace(self, page=page)


EVERYTHING = Reading()


def pairs(numbers: tuple[float, ...] | None) -> tuple[Range, ...]:
    """0,3000,0,2800 → (0, 3000), (0, 2800). Raises FullconvError for an odd number."""
    numbers = numbers or ()
    if len(numbers) % 2:
        raise FullconvError(f"--range {','.join(f'{n:g}' for n in numbers)}: give pairs, as in 0,3000")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
