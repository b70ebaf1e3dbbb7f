"""Where lines that come after a break join those shown before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

_KEPT = 64
_ENOUGH = 8
"""So many equal lines in a row are the same ones."""


class LogOverlap:
    """Remembers the last lines shown; `rest` gives what is new in lines that were asked for again."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=_KEPT)

    def __bool__(self) -> bool:
        return bool(self._last)

    def add(self, lines: Sequence[str]) -> None:
        self._last.extend(lines[-_KEPT:])

    def clear(self) -> None:
        self._last.clear()

    def rest(self, lines: Sequence[str]) -> Sequence[str] | None:
        """None where the lines shown are not among `lines`: some between them may be missing."""
        last = list(self._last)
        for end in range(len(lines), 0, -1):
            length = min(end, len(last), _ENOUGH)
            if length and list(lines[end - length : end]) == last[-length:]:
                return lines[end:]
        return None
