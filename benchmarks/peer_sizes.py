"""How much a package and all that it asks for take on disk, in the environment that runs this.

usage: python benchmarks/peer_sizes.py torchvision segmentation-models-pytorch
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """{name: distribution} of a package and what it asks for, all the way down; what is not installed is named."""
    key = canonicalize_name(name)
    if key in found:
        return found
    try:
        found[key] = distribution(name)
    except PackageNotFoundError:
        print(f"{name}: not installed, not counted", file=sys.stderr)
        return found
    for requirement in requirements_of(found[key]):
        needed(requirement.name, found)
    return found


def requirements_of(package: Distribution) -> Iterator[Requirement]:
    for line in package.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def megabytes(package: Distribution) -> float:
    paths = (package.locate_file(file) for file in package.files or ())
    return sum(path.stat().st_size for path in map(type(package.locate_file("")), paths) if path.is_file()) / 1e6


def main() -> None:
    for name in sys.argv[1:]:
        packages = needed(name, {})
        sizes = {key: megabytes(package) for key, package in packages.items()}
        print(f"{name:<32}{sum(sizes.values()):8.0f} MB in {len(sizes)} packages")
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True)[:4]:
            print(f"    {key:<28}{sizes[key]:8.0f} MB")


if __name__ == "__main__":
    main()
