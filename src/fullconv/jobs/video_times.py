"""When the packets of a video are shown: times that start at 0 and never decrease."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

JUMP = Fraction(1, 2)  # seconds back: there, two recordings were joined; less is the imprecision of some containers


class Clock:
    """Makes packets count from `start` on, which for a camera is when it was plugged in.

    In a file of recordings joined end to end, as MPEG streams can be, each counts from its own beginning: the next goes
    on where the last ended, with its sound beside it.
    """

    def __init__(self, start: Fraction) -> None:
        self.start, self.added = start, Fraction(0)
        self.of: dict[int, Fraction] = {}  # what is added to each stream's times
        self.ends: dict[int, Fraction] = {}  # when the last packet of each ends
        self.last: dict[int, int] = {}  # and when it is decoded

    def set(self, packet: Any) -> bool:
        """Whether the packet comes after the last of its stream: where recordings are joined, sound may overlap.

        Either time may be unknown: Matroska does not say when to decode, and FFmpeg guesses after some packets.
        """
        index, base = packet.stream.index, packet.time_base
        if packet.dts is not None:
            now = packet.dts * base - self.start
            end = self.ends.get(index, now)
            if now + self.of.get(index, 0) < end - JUMP:
                self.of[index] = self._join(now, end)
            self.ends[index] = now + self.of.get(index, 0) + (packet.duration or 0) * base
        _shift(packet, round((self.of.get(index, 0) - self.start) / base) if base else 0)
        before, self.last[index] = self.last.get(index), packet.dts
        return None in (before, packet.dts) or packet.dts > before

    def _join(self, now: Fraction, end: Fraction) -> Fraction:
        """What is added from here on: as much as to the stream that came here first, so that they stay together."""
        if now + self.added < end - JUMP:
            self.added = max(self.ends.values()) - now
        return self.added


def _shift(packet: Any, ticks: int) -> None:
    if packet.dts is not None:
        packet.dts += ticks
    if packet.pts is not None:
        packet.pts += ticks
