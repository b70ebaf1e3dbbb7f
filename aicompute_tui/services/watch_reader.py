"""From the bytes of a machine's watch, as they come, to its readings on our clock."""

from __future__ import annotations

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.node import NodeReading
from aicompute_tui.metrics.node_watch import WatchParser

_LONGEST_LINE = 64 << 10


class WatchReader:
    """Holds the unfinished line between two chunks; one that never ends is cut."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parser = WatchParser()
        self._rest = b""

    def feed(self, chunk: bytes) -> list[NodeReading]:
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_LONGEST_LINE]
        now = self._clock.now()
        found = (self._parser.feed(line.decode(errors="replace"), now) for line in lines)
        return [reading for reading in found if reading is not None]
