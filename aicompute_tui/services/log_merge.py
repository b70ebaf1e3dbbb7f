"""Several logs as one, by the moments their lines begin with: history in order, and what comes held for a moment."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field

from aicompute_tui.domain.json import Json, JsonObject

HOLD_SECONDS = 0.25
"""So long a log that says nothing holds the others up: a line of its own may be on its way that is older."""
_MOST_WAITING = 8
"""Items read ahead of each log."""
_STAMP_LENGTH = 30


@dataclass(slots=True)
class _Batch:
    item: JsonObject
    lines: list[str]
    stamps: list[str]
    at: int = 0


@dataclass(slots=True)
class _Source:
    name: str
    batches: deque[_Batch] = field(default_factory=deque)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    last_stamp: str = ""

    @property
    def head(self) -> str | None:
        """The moment of its next line."""
        return self.batches[0].stamps[self.batches[0].at] if self.batches else None

    @property
    def is_over(self) -> bool:
        return self.task is not None and self.task.done()


async def merged(logs: Mapping[str, AsyncIterator[JsonObject]]) -> AsyncGenerator[JsonObject]:
    """The items of all logs, each with the name of its own as `source`. Raises what one of them raises."""
    came = asyncio.Event()
    sources = [_Source(name) for name in logs]
    for source in sources:
        source.task = asyncio.create_task(_pull(source, logs[source.name], came))
        source.task.add_done_callback(lambda _: came.set())
    try:
        async for item in _in_order(sources, came):
            yield item
    finally:
        for source in sources:
            if source.task is not None:
                source.task.cancel()
        await asyncio.gather(*(each.task for each in sources if each.task is not None), return_exceptions=True)


async def _pull(source: _Source, items: AsyncIterator[JsonObject], came: asyncio.Event) -> None:
    try:
        async for item in items:
            source.batches.append(_batch(source, item))
            came.set()
            while len(source.batches) >= _MOST_WAITING:
                source.room.clear()
                await source.room.wait()
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def _batch(source: _Source, item: JsonObject) -> _Batch:
    """A line without a moment, and a mark, stand where the line before them stood."""
    found = item.get("lines")
    lines = [str(line) for line in found] if isinstance(found, list) else []
    stamps: list[str] = []
    for line in lines:
        if line[4:5] == "-" and line[10:11] == "T":
            source.last_stamp = line[:_STAMP_LENGTH]
        stamps.append(source.last_stamp)
    return _Batch(item, lines, stamps or [source.last_stamp])


async def _in_order(sources: list[_Source], came: asyncio.Event) -> AsyncGenerator[JsonObject]:
    loop = asyncio.get_running_loop()
    held_since: float | None = None
    while True:
        waiting = [source for source in sources if source.batches]
        for source in sources:
            if source.is_over and source.task is not None:
                source.task.result()
        is_silent = any(not source.batches and not source.is_over for source in sources)
        if not waiting:
            if not is_silent:
                return
            came.clear()
            await came.wait()
            held_since = None
            continue
        if is_silent:
            held_since = loop.time() if held_since is None else held_since
            left = held_since + HOLD_SECONDS - loop.time()
            if left > 0:
                await _wait(came, left)
                continue
        else:
            held_since = None
        yield _next(waiting)


async def _wait(came: asyncio.Event, seconds: float) -> None:
    came.clear()
    try:
        async with asyncio.timeout(seconds):
            await came.wait()
    except TimeoutError:
        return


def _next(waiting: list[_Source]) -> JsonObject:
    """The oldest lines that stand together: up to the oldest of the other logs."""
    source = min(waiting, key=lambda each: each.head or "")
    others = [each.head or "" for each in waiting if each is not source]
    batch = source.batches[0]
    end = bisect_right(batch.stamps, min(others), batch.at) if others else len(batch.stamps)
    end = max(end, batch.at + 1)
    lines: list[Json] = [*batch.lines[batch.at : end]]
    batch.at = end
    if end >= len(batch.stamps):
        source.batches.popleft()
        source.room.set()
    item: JsonObject = {**batch.item, "source": source.name}
    if "lines" in item:
        item["lines"] = lines
    return item
