"""The newest lines of a log, bounded in number and in bytes; what falls out of it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof

MOST_LINES = 100_000
MOST_BYTES = 36_000_000
"""Memory of the texts alone, as Python counts it: with its lists a full ring stays below 40 MB."""
_DEAD_SHARE = 16


class LogRing:
    """Lines by serial number, which a line keeps for good: `first` is the oldest held, `end` the next one to come."""

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self.most_lines = most_lines
        self.most_bytes = most_bytes
        self.byte_count = 0
        self.dropped = 0
        self._texts: list[str] = []
        self._kinds = bytearray()
        self._base = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._texts) - self._dead

    @property
    def first(self) -> int:
        return self._base + self._dead

    @property
    def end(self) -> int:
        return self._base + len(self._texts)

    def extend(self, lines: Sequence[str], kind: int = 0) -> None:
        """Takes lines as they come; `kind` is one byte about all of them."""
        skipped = len(lines) - self.most_lines
        if skipped > 0:
            self._drop(len(self))
            self._compact()
            self._base += skipped
            self.dropped += skipped
            lines = lines[skipped:]
        self._texts.extend(lines)
        self._kinds.extend(bytes((kind,)) * len(lines))
        self.byte_count += sum(map(getsizeof, lines))
        self._drop(len(self) - self.most_lines)
        self._drop(self._over_bytes())
        if self._dead > max(1_024, self.most_lines // _DEAD_SHARE):
            self._compact()

    def text(self, serial: int) -> str:
        """Empty for a line that is not held any more."""
        return self._texts[serial - self._base] if self.first <= serial < self.end else ""

    def kind(self, serial: int) -> int:
        return self._kinds[serial - self._base] if self.first <= serial < self.end else 0

    def texts(self, start: int, count: int) -> list[str]:
        """At most `count` lines from serial `start`, which must be held."""
        place = start - self._base
        return self._texts[place : place + count]

    def kinds(self, start: int, count: int) -> bytearray:
        place = start - self._base
        return self._kinds[place : place + count]

    def clear(self) -> None:
        """Forgets every line and what was dropped before; serials go on."""
        self._drop(len(self))
        self._compact()
        self.dropped = 0

    def _over_bytes(self) -> int:
        """How many of the oldest lines must go for the rest to fit; the newest stays whatever it takes."""
        over, count = self.byte_count - self.most_bytes, 0
        while over > 0 and count < len(self) - 1:
            over -= getsizeof(self._texts[self._dead + count])
            count += 1
        return count

    def _drop(self, count: int) -> None:
        """The texts are let go at once, their places later and many at a time."""
        if count <= 0:
            return
        gone = slice(self._dead, self._dead + count)
        self.byte_count -= sum(map(getsizeof, self._texts[gone]))
        self._texts[gone] = [""] * count
        self._dead += count
        self.dropped += count

    def _compact(self) -> None:
        del self._texts[: self._dead]
        del self._kinds[: self._dead]
        self._base += self._dead
        self._dead = 0
