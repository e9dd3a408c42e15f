"""Warns about signs of trouble in a run: overfitting, divergence, classes that are never shown or never found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fullconv.training.epoch_log import Epoch

SINCE = 3  # evaluations since the lowest loss on val
WORSE = 1.15  # times the lowest loss on val
RISEN = 2.0  # times the lowest training loss
EARLY = 5  # evaluations before a class is reported as missing
CLASSES = "{classes}"

History = Sequence[Epoch]


class Symptom(NamedTuple):
    """One warning. Each `kind`, of each class if it is about one, is reported once per run."""

    kind: str
    text: str  # about one class or several: with CLASSES in the place of their names
    name: str = ""


def texts(found: Iterable[Symptom]) -> list[str]:
    """Returns one line for each kind, with the names of all its classes."""
    names: dict[str, list[str]] = {}
    for symptom in found:
        names.setdefault(symptom.text, []).append(symptom.name)
    return [text.replace(CLASSES, ", ".join(several)) for text, several in names.items()]


def symptoms(history: History, has_ended: bool = False) -> Iterator[Symptom]:
    """Yields warnings on the epochs so far, with what to do. `has_ended`: no further epoch follows."""
    yield from _by_heart(history)
    yield from _diverging(history)
    yield from _never_shown(history)
    yield from _never_found(history, has_ended)


def _by_heart(history: History) -> Iterator[Symptom]:
    scored = [(entry, loss) for entry in history if (loss := entry.get("val_loss")) is not None]
    if not scored:
        return
    best, lowest = min(scored, key=lambda pair: pair[1])
    last, loss = scored[-1]
    since = len(scored) - scored.index((best, lowest))
    if since > SINCE and loss > WORSE * lowest and last["loss"] < best["loss"]:
        yield Symptom("by heart", (
            f"the loss on val has risen since epoch {best['epoch']}, while the training loss falls: the "
            "network is overfitting. The last epoch with a good mean IoU is kept. More pictures help, or in the recipe "
            "stronger colour and scale, and copy_paste"
        ))  # fmt: skip


def _diverging(history: History) -> Iterator[Symptom]:
    losses = [entry["loss"] for entry in history]
    if len(losses) > 2 and losses[-1] > losses[-2] > losses[-3] and losses[-1] > RISEN * min(losses):
        yield Symptom("diverging", "the training loss is rising: try a smaller learning rate (--lr), in a new folder")


def _never_shown(history: History) -> Iterator[Symptom]:
    """Warns of classes that no crop of an epoch has shown."""
    for name in history[-1].get("not_shown", ()):
        yield Symptom("not shown", (
            f"no crop of epoch {history[-1]['epoch']} showed a pixel of {CLASSES}: use larger crops (--crop-size), or "
            "balance: 0.5 in the recipe, which shows pictures with rare classes more often"
        ), name)  # fmt: skip


def _never_found(history: History, has_ended: bool) -> Iterator[Symptom]:
    """Warns of classes in val that no evaluation has found a pixel of."""
    scored = [entry["iou"] for entry in history if "iou" in entry]
    if not scored or (len(scored) < EARLY and not has_ended):
        return
    for name in scored[-1]:
        if all(ious.get(name) == 0 for ious in scored):
            yield Symptom("not found", (
                f"not found in any picture of val so far: {CLASSES}; try a longer training, --class-weights balanced, "
                "or more pictures that show what is missing"
            ), name)  # fmt: skip
