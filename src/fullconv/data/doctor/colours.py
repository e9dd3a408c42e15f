"""Checks masks whose colours give the class: drawn in RGB, or with a different palette in each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from fullconv.classes import VOID, Classes, Colour, voc_colour
from fullconv.data.colour_masks import index_colour
from fullconv.data.data_file import DataFile
from fullconv.data.doctor.finding import ERROR, WARNING, Case, Finding, name_colours, name_only_colours
from fullconv.data.doctor.mapping import without_values
from fullconv.data.doctor.scan import Facts
from fullconv.words import counted

BLACK = (0, 0, 0)
VOID_COLOUR = voc_colour(VOID)
MOST = 64  # colours proposed as classes; more come from JPEG or smoothing
RARE = 1e-2  # share of all pixels; if there are more than MOST colours, rarer ones are not classes
REMEMBERED = 20_000  # colours


def judge_colours(facts: Sequence[Facts], classes: Classes, named: bool, file: DataFile) -> list[Finding]:
    """`classes`: those of the data, before the mapping of `file`."""
    return [*_drawn(facts, classes, named), *_differing_palettes(facts, classes, named, file)]


def _drawn(facts: Sequence[Facts], classes: Classes, named: bool) -> list[Finding]:
    """Finds colour masks that the description of the data does not explain."""
    masks = [each for each in facts if each.mask and each.mask.in_colour]
    if not masks:
        return []
    pixels = _common(masks)
    if len(pixels) == 1 and not named and len(masks) == sum(each.mask is not None for each in facts):
        text = "all masks have a single colour, so there is nothing to learn"
        return [Finding("nothing-to-learn", ERROR, text, _cases(masks), "label at least two classes")]
    text, remedy = f"{counted(len(masks), 'colour mask')} with colours that are not described", ""
    if len(pixels) > MOST or any(each.mask.is_lossy for each in masks if each.mask):
        text += "; many come from JPEG or smoothing"
        remedy = "export the masks again from their source as PNG, without smoothing\n"
    if len(pixels) > MOST:
        least = RARE * sum(pixels.values())
        pixels = {colour: count for colour, count in pixels.items() if count >= least}
    remedy += name_colours(propose(pixels, classes, named)) + _guess(pixels, classes, named) if pixels else ""
    return [Finding("colour-masks", ERROR, text, _cases(masks), remedy)]


def _guess(colours: Iterable[Colour], classes: Classes, named: bool) -> str:
    """Returns a comment for the YAML if several colours may belong to any class: they are not the class's own, nor
    black, nor indices."""
    wanted = [colour for colour in colours if colour not in (VOID_COLOUR, BLACK)]
    unknown = [] if _indices(wanted, len(classes)) else [colour for colour in wanted if colour not in classes.colours]
    return "  # which colour is which class is a guess: put them in order" if named and len(unknown) > 1 else ""


def _common(masks: Sequence[Facts]) -> dict[Colour, int]:
    """{colour: pixels} over all masks, most frequent first. Rare colours are dropped before they fill memory."""
    pixels: Counter[int] = Counter()
    for each in masks:
        pixels.update(each.mask.pixels if each.mask else {})
        if len(pixels) > REMEMBERED:
            pixels = Counter(dict(pixels.most_common(REMEMBERED // 10)))
    return {(code >> 16, code >> 8 & 255, code & 255): count for code, count in pixels.most_common()}


def _differing_palettes(facts: Sequence[Facts], classes: Classes, named: bool, file: DataFile) -> list[Finding]:
    """Finds palette masks in which one index has several colours: the programs numbered colours in order of
    appearance."""
    masks = [each for each in facts if each.mask and each.mask.palette and not each.mask.error]
    colours = {value: colour for each in reversed(masks) if each.mask for value, colour in each.mask.palette.items()}
    odd = [each for each in masks if each.mask and any(colours[v] != c for v, c in each.mask.palette.items())]
    if not odd:
        return []
    seen = {colour: 1 for each in masks if each.mask for colour in each.mask.palette.values()}
    text = (
        f"{counted(len(odd), 'mask')} whose palette differs from the first one's: the same index has different colours"
    )
    remedy = name_only_colours(propose(seen, classes, named)) + _guess(seen, classes, named) + without_values(file)
    return [Finding("palettes-differ", WARNING, text, _cases(odd), remedy)]


def propose(colours: Iterable[Colour], classes: Classes, named: bool) -> dict[Colour, str]:
    """{colour: class}, in the order of the classes: the classes' own colours, then black, then the rest in order of
    appearance. If the colours are class indices saved as RGB, each has the class of its index."""
    wanted = [colour for colour in colours if colour != VOID_COLOUR]
    if indices := _indices(wanted, len(classes) if named else None):
        return {colour: _nth_name(i, classes, named) for i, colour in enumerate(indices)}
    known = dict(zip(classes.colours, classes.names, strict=True)) if named else {}
    table = {colour: known[colour] for colour in wanted if colour in known}
    spare = [name for name in (classes.names if named else ("background",)) if name not in table.values()]
    rest = [colour for colour in wanted if colour not in table]
    for i, colour in enumerate(sorted(rest, key=lambda colour: colour != BLACK)):
        table[colour] = spare[i] if i < len(spare) else f"class_{len(table)}"
    if named:  # classes that no mask shows keep their numbers
        table |= {
            own: name for own, name in zip(classes.colours, classes.names, strict=True) if name in spare[len(rest) :]
        }
    order = {name: i for i, name in enumerate(classes.names if named else table.values())}
    return dict(sorted(table.items(), key=lambda item: order.get(item[1], len(order))))


def _indices(colours: Sequence[Colour], count: int | None) -> list[Colour]:
    """Returns [0, 0, 0], [1, 1, 1] … for all `count` classes, or for those that masks show, if the colours are class
    indices saved as RGB, perhaps with white as void. Otherwise, returns nothing."""
    rest = sorted(colour for colour in colours if colour != index_colour(VOID))
    every = [index_colour(i) for i in range(count or len(rest))]
    return every if len(rest) > 1 and (set(rest) <= set(every) if count else rest == every) else []


def _nth_name(index: int, classes: Classes, named: bool) -> str:
    return classes.names[index] if named else f"class_{index}" if index else "background"


def _cases(masks: Sequence[Facts]) -> tuple[Case, ...]:
    return tuple(Case(each.mask_path, f"{counted(each.mask.distinct, 'colour')}") for each in masks if each.mask)
