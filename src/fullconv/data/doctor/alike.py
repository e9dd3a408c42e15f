"""Class names that differ in nothing but case, blanks or marks: most likely one class spelt in two ways."""

from __future__ import annotations

from collections import defaultdict

from fullconv.classes import Classes
from fullconv.data.doctor.finding import WARNING, Finding
from fullconv.data.doctor.remedies import quoted


def judge_alike(classes: Classes) -> list[Finding]:
    spelt: dict[str, list[str]] = defaultdict(list)
    for name in classes.names:
        spelt["".join(letter for letter in name.casefold() if letter.isalnum()) or name].append(name)
    alike = [names for names in spelt.values() if len(names) > 1]
    if not alike:
        return []
    text = f"class names that differ in their spelling alone: {'; '.join(', '.join(names) for names in alike)}"
    lines = ", ".join(f"{quoted(other)}: {quoted(names[0])}" for names in alike for other in names[1:])
    return [Finding("names-alike", WARNING, text, remedy=f"label_mapping: {{{lines}}}  # if they are one class")]
