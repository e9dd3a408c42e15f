"""The shell line that removes the EXIF rotation of photos whose masks were drawn before it."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from fullconv.data.doctor.finding import Case
from fullconv.data.doctor.scan import Facts
from fullconv.files import files_under
from fullconv.images import is_image_name
from fullconv.orientation import UPRIGHT

MANY = 20  # photos of a folder; of more, the line names the folder if it can


def remove_rotation(cases: Iterable[Case], facts: Sequence[Facts]) -> str:
    """Returns the line for all photos of the cases, so that they match their masks."""
    named = {case.path for case in cases}
    folders: dict[Path, list[Facts]] = defaultdict(list)
    for each in facts:
        folders[each.sample.image_path.parent].append(each)
    words = {folder: _words(folder, inside, named) for folder, inside in folders.items()}
    one_by_one = [str(word) for folder, own in words.items() for word in own if own != [folder]]
    whole = [str(folder) for folder, own in words.items() if own == [folder]]
    lines = [*([["-if", "$Orientation > 1", *whole]] if whole else []), *([one_by_one] if one_by_one else [])]
    return "\n".join(shlex.join(["exiftool", "-n", "-Orientation=1", *line]) for line in lines)


def _words(folder: Path, inside: Sequence[Facts], named: set[Path]) -> list[Path]:
    """Returns the photos of one folder, or the folder itself in place of many if no other picture in it is rotated."""
    photos = [each.sample.image_path for each in inside if each.mask_path in named]
    upright = [each.sample.image_path for each in inside if each.image and each.image.header.orientation <= UPRIGHT]
    if len(photos) <= MANY:
        return photos
    pictures = {path for path in files_under(folder, deep=False) if is_image_name(path)}
    return [folder] if pictures <= {*photos, *upright} else photos
