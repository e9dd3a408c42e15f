"""Corrects the times of a video's packets, so that they start at 0 and never decrease."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

JUMP = Fraction(1, 2)  # seconds; a longer jump back means that two recordings were joined, a shorter one is imprecision


class Clock:
    """Makes the times of packets count from `start`, in seconds. For a camera, this is when it was plugged in.

    MPEG streams can be recordings that were joined end to end, each with times that start again. The times of each
    recording, and those of its sound, then continue where the last recording ended.
    """

    def __init__(self, start: Fraction) -> None:
        self.start, self.added = start, Fraction(0)
        self.of: dict[int, Fraction] = {}  # stream → seconds that are added to its times
        self.ends: dict[int, Fraction] = {}  # stream → when its last packet ends
        self.last: dict[int, int] = {}  # stream → when its last packet is decoded

    def set(self, packet: Any) -> bool:
        """Corrects the times of a packet. Returns whether it comes after the last one of its stream, because sound may
        overlap where recordings are joined.

        The time of decoding may be unknown: Matroska does not store it, and FFmpeg can guess it only after some
        packets.
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
        """Returns the seconds to add from here on. It is the same value for all streams, so that they stay in sync."""
        if now + self.added < end - JUMP:
            self.added = max(self.ends.values()) - now
        return self.added


def _shift(packet: Any, ticks: int) -> None:
    if packet.dts is not None:
        packet.dts += ticks
    if packet.pts is not None:
        packet.pts += ticks
