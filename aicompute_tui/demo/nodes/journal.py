"""One log of a machine: the newest lines with their moments, and followers that are woken by new ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

_MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    at: float
    text: str


class Journal:
    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_MOST_LINES)
        self._total = 0
        self._waiting: set[asyncio.Event] = set()

    def write(self, at: float, *lines: str) -> None:
        for line in lines:
            self._entries.append(Entry(at, line))
        self._total += len(lines)
        for event in self._waiting:
            event.set()

    def last(self, count: int | None, since: float | None = None) -> list[Entry]:
        """The newest `count` at or after `since`; None is all there are."""
        entries = list(self._entries)
        if since is not None:
            entries = [entry for entry in entries if entry.at >= since]
        if count is None:
            return entries
        return entries[-count:] if count else []

    async def begun(self) -> None:
        """Until something stands in it."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            if not self._total:
                await news.wait()
        finally:
            self._waiting.discard(news)

    async def follow(self, count: int | None, since: float | None = None) -> AsyncIterator[Sequence[Entry]]:
        """What `last` gives, then what comes, for ever."""
        seen = self._total
        yield self.last(count, since)
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            while True:
                if seen == self._total:
                    await news.wait()
                news.clear()
                fresh = min(self._total - seen, len(self._entries))
                seen = self._total
                yield self.last(fresh)
        finally:
            self._waiting.discard(news)
